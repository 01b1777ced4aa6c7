"""Reads by id through the cache, for the repository of any feature."""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID

from app.core.effects import OWNER, ObservedRepository
from app.core.models import Entity
from app.shared.schemas import AppSchema


class CachedReads[Model: Entity](ObservedRepository[Model]):
    """Takes a row by id from the cache, and drops it there once its change is committed."""

    async def get(self, row_id: UUID, **filters: object) -> Model | None:
        # What is about to change is read where it is true. And rows that go with their owner go
        # without a word to us: whoever sees all of them, not only their own, sees past the cache.
        has_owner = hasattr(self.model, OWNER)
        if self._effects.expected or (has_owner and OWNER not in filters):
            return await super().get(row_id, **filters)

        async def load() -> bytes | None:
            row = await super(CachedReads, self).get(row_id)
            return self.schema.model_validate(row).model_dump_json().encode() if row else None

        found = await self._effects.cache.get(self._key(row_id), _form(self.schema), load)
        if found is None:
            return None
        row = self.model(**self.schema.model_validate_json(found).model_dump())
        mine = all(getattr(row, name) == value for name, value in filters.items())
        return row if mine else None

    async def update(self, row_id: UUID, values: Any, **filters: object) -> Model:
        row = await super().update(row_id, values, **filters)
        self._effects.add(self._effects.cache.drop, self._key(row_id))
        return row

    async def delete(self, row_id: UUID, **filters: object) -> Model:
        row = await super().delete(row_id, **filters)
        self._effects.add(self._effects.cache.drop, self._key(row_id))
        return row

    def _key(self, row_id: UUID) -> str:
        return f"{self.model.__name__.lower()}:{row_id}"


@cache
def _form(schema: type[AppSchema]) -> str:
    """A release that keeps other fields keeps them apart."""
    return hashlib.sha256(repr(schema.model_json_schema()).encode()).hexdigest()[:8]
