"""Cached reads of rows by id, for the repositories of all features."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from app.core.database.changes import Change, Resource
from app.core.database.unit import Load
from app.core.redis.cache import Cache
from app.shared.schemas import AppSchema


class CachedRows:
    """Caches rows as JSON in the format of an API response, and invalidates rows that changed."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, resource: Resource, row_id: UUID, load: Load) -> Mapping[str, Any] | None:
        schema = resource.schema

        async def dump() -> bytes | None:
            row = await load()
            return schema.model_validate(row).model_dump_json().encode() if row else None

        found = await self._cache.get(_key(resource, row_id), _schema_hash(schema), dump)
        return dict(schema.model_validate_json(found)) if found else None

    async def invalidate(self, changes: Sequence[Change]) -> None:
        """Invalidate the cached copies of updated and deleted rows. New rows are not cached yet."""
        for change in changes:
            if change.kind != "created":
                await self._cache.invalidate(_key(change.resource, change.row.id))


def _key(resource: Resource, row_id: UUID) -> str:
    return f"{resource.name}:{row_id}"


@cache
def _schema_hash(schema: type[AppSchema]) -> str:
    """Return a short hash of the schema, so that the cache ignores entries of older schemas."""
    return hashlib.sha256(repr(schema.model_json_schema()).encode()).hexdigest()[:8]
