"""Reads by id from the cache, whichever feature's rows they are."""

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
    """Keeps rows as a response shows them, and drops a row once a change of it is committed."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, resource: Resource, row_id: UUID, load: Load) -> Mapping[str, Any] | None:
        schema = resource.schema

        async def dump() -> bytes | None:
            row = await load()
            return schema.model_validate(row).model_dump_json().encode() if row else None

        found = await self._cache.get(_key(resource, row_id), _form(schema), dump)
        return dict(schema.model_validate_json(found)) if found else None

    async def forget(self, changes: Sequence[Change]) -> None:
        """Drop what has changed; a created row is not there yet."""
        for change in changes:
            if change.kind != "created":
                await self._cache.drop(_key(change.resource, change.row.id))


def _key(resource: Resource, row_id: UUID) -> str:
    return f"{resource.name}:{row_id}"


@cache
def _form(schema: type[AppSchema]) -> str:
    """A release that keeps other fields keeps them apart."""
    return hashlib.sha256(repr(schema.model_json_schema()).encode()).hexdigest()[:8]
