"""The database queries of all repositories, written with Piccolo."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from uuid import UUID

from piccolo.columns import Column, Text, Varchar
from piccolo.columns.combination import Where
from piccolo.custom_types import Combinable
from piccolo.query import Count, Query, Select

from app.core.database.models import Entity
from app.core.database.session import Session
from app.core.database.sql_cache import cached_sql, shape
from app.shared.filters import Sort
from app.shared.pagination import Cursor

WILDCARDS = re.compile(r"[\\%_]")

type Condition = Combinable


class Queries[Model: Entity]:
    """Runs queries on the session's connection: `await self._session.run(Item.count())`."""

    model: type[Model]
    columns: tuple[Column, ...] = ()
    """The columns that list queries load. An empty tuple means all columns.

    List queries should not load large columns or secrets.
    """

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Column values that the queries filter by."""

    @classmethod
    def has_column(cls, name: str) -> bool:
        return isinstance(getattr(cls.model, name, None), Column)

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        where = {"id": row_id, **filters}

        def query() -> Select[Model]:
            return self.model.select(*self.model.all_columns()).where(*self._equal(where))

        sql = cached_sql(("row", self.model, shape(where)), lambda: sql_of(query()))
        rows = await self._session.fetch(sql, *arguments(where))
        return next(iter(self._entities(rows)), None)

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """Return the sorted rows of one page, and the total number of rows."""

        def rows() -> Select[Model]:
            column = getattr(self.model, order.column)
            return self._ordered(column, ascending=not order.descending).where(*where)

        def count() -> Count:
            return self.model.count().where(*self._conditions(), *where)

        # SQL with conditions is not cached, because conditions cannot be part of a cache key.
        if where:
            page = await self._session.run(rows().offset(offset).limit(limit))
            return self._entities(page), await self._session.run(count())
        key, values = (type(self), shape(self._filters)), arguments(self._filters)
        sql = cached_sql(("page", order, *key), lambda: sql_of(rows(), "LIMIT", "OFFSET"))
        page = await self._session.fetch(sql, *values, limit, offset)
        sql = cached_sql(("count", *key), lambda: sql_of(count()))
        [total] = await self._session.fetch(sql, *values)
        return self._entities(page), total["count"]

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Return up to `limit` rows, newest first. If `after` is given, start after that cursor."""

        def rows() -> Select[Model]:
            created_at, key = self.model.created_at, self.model.id
            query = self._ordered(created_at, ascending=False)
            if after:
                # This form of `(created_at, id) < cursor` lets the database use an index.
                query = query.where(
                    created_at <= after.created_at,
                    (created_at < after.created_at) | (key < after.id),
                )
            return query

        key = ("newest", after is None, type(self), shape(self._filters))
        sql = cached_sql(key, lambda: sql_of(rows(), "LIMIT"))
        position = [after.created_at, after.created_at, after.id] if after else []
        values = [*arguments(self._filters), *position, limit]
        return self._entities(await self._session.fetch(sql, *values))

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
        """Create an entity from the given column values.

        Reading a column that is not in `fields` raises `KeyError`.
        """
        return self.model.load(fields)

    def _entities(self, rows: Sequence[Mapping[str, Any]]) -> list[Model]:
        return [self.model.load(row) for row in rows]

    def _ordered(self, column: Column, *, ascending: bool) -> Select[Model]:
        """Return a list query sorted by `column`. Rows with the same value are sorted by id."""
        needed = [self.model.id, *self.columns] if self.columns else self.model.all_columns()
        query = self.model.select(*needed).where(*self._conditions())
        return query.order_by(column, self.model.id, ascending=ascending)

    def _conditions(self) -> list[Where]:
        return self._equal(self._filters)

    def _equal(self, filters: Mapping[str, object]) -> list[Where]:
        return [getattr(self.model, name) == value for name, value in filters.items()]


def containing(column: Varchar | Text, text: str) -> Where:
    """Return a case-insensitive search condition. `%` and `_` in the text are not wildcards."""
    return column.ilike(f"%{WILDCARDS.sub(r'\\\g<0>', text)}%")


def sql_of(query: Query[Any, Any], *clauses: str) -> str:
    """Return the SQL of a query with additional clauses, each of which has one parameter.

    The clauses are `LIMIT` and `OFFSET`. Piccolo does not support parameters in these clauses.
    """
    [querystring] = query.querystrings
    sql, values = querystring.compile_string()
    return " ".join([sql, *(f"{clause} ${n}" for n, clause in enumerate(clauses, len(values) + 1))])


def arguments(filters: Mapping[str, object]) -> list[object]:
    """Return the filter values in the form that the driver accepts. None values are omitted."""
    values = (value for value in filters.values() if value is not None)
    return [value.value if isinstance(value, Enum) else value for value in values]
