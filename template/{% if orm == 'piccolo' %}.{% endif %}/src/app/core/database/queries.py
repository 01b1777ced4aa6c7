"""Database queries for the table of one model, written with Piccolo."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from piccolo.columns import Column, Varchar
from piccolo.columns.combination import Where
from piccolo.custom_types import Combinable

from app.core.database.models import Entity
from app.core.database.session import Session
from app.shared.filters import Sort
from app.shared.pagination import Cursor

WILDCARDS = re.compile(r"[\\%_]")

type Condition = Combinable


class Queries[Model: Entity]:
    """Runs every query on the session's connection: `await self._session.run(Item.count())`."""

    model: type[Model]
    columns: tuple[Column, ...] = ()
    """Columns that lists load, or all columns if empty. Leave out large and secret columns."""

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Column values that every query filters by."""

    @classmethod
    def has_column(cls, name: str) -> bool:
        return isinstance(getattr(cls.model, name, None), Column)

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        query = self.model.objects().where(*self._equal({"id": row_id, **filters}))
        return await self._session.run(query.first())

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """Return the rows of one page in this order, and the total number of rows."""
        conditions = [*where, *self._conditions()]
        rows = await self._session.run(
            self.model.select(*self._needed())
            .where(*conditions)
            .order_by(
                getattr(self.model, order.column), self.model.id, ascending=not order.descending
            )
            .offset(offset)
            .limit(limit)
        )
        return self._entities(rows), await self._session.run(self.model.count().where(*conditions))

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Return the rows after the cursor, newest first."""
        created_at, key = self.model.created_at, self.model.id
        query = (
            self.model.select(*self._needed())
            .where(*self._conditions())
            .order_by(created_at, key, ascending=False)
            .limit(limit)
        )
        if after:
            # `created_at <=` can use the index, and the other condition breaks ties by id.
            query = query.where(
                created_at <= after.created_at, (created_at < after.created_at) | (key < after.id)
            )
        return self._entities(await self._session.run(query))

    async def _insert(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        await self._session.run(row.save())
        return row

    async def _update(self, row_id: UUID, values: Mapping[str, Any]) -> Model | None:
        rows = await self._session.run(
            self.model.update({getattr(self.model, name): value for name, value in values.items()})
            .where(self.model.id == row_id, *self._conditions())
            .returning(*self.model.all_columns())
        )
        return next(iter(self._entities(rows)), None)

    async def _delete(self, row_id: UUID) -> Model | None:
        rows = await self._session.run(
            self.model.delete()
            .where(self.model.id == row_id, *self._conditions())
            .returning(*self.model.all_columns())
        )
        return next(iter(self._entities(rows)), None)

    def _load(self, fields: Mapping[str, Any]) -> Model:
        """Create an entity from these columns. Reading another column raises `KeyError`."""
        return self.model.load(fields)

    def _entities(self, rows: Sequence[Mapping[str, Any]]) -> list[Model]:
        return [self.model.load(row) for row in rows]

    def _needed(self) -> list[Column]:
        return [self.model.id, *self.columns] if self.columns else self.model.all_columns()

    def _conditions(self) -> list[Where]:
        return self._equal(self._filters)

    def _equal(self, filters: Mapping[str, object]) -> list[Where]:
        return [getattr(self.model, name) == value for name, value in filters.items()]


def containing(column: Varchar, text: str) -> Where:
    """Return a condition: the column contains the text, ignoring case. `%` and `_` are literal."""
    return column.ilike(f"%{WILDCARDS.sub(r'\\\g<0>', text)}%")
