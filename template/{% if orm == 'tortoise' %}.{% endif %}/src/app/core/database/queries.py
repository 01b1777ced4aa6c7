"""The database queries of all repositories, written with Tortoise."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.core.database.models import Entity
from app.core.database.session import Session
from app.core.database.sql_cache import cached_sql, shape
from app.shared.filters import Sort
from app.shared.pagination import Cursor

type Condition = Q


class Queries[Model: Entity]:
    """Database queries for one model.

    `_rows()` starts a query that uses the session's connection and the repository's filters.
    """

    model: type[Model]
    columns: tuple[str, ...] = ()
    """The columns that list queries load. An empty tuple means all columns.

    List queries should not load large columns or secrets.
    """

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Column values that the queries filter by."""

    @classmethod
    def has_column(cls, name: str) -> bool:
        return name in cls.model._meta.fields_map  # noqa: SLF001 - no public list of fields exists

    def _rows(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        """Return a query for rows that match the repository's filters and the given conditions."""
        return self._unfiltered(*where, **filters).filter(**self._filters)

    def _unfiltered(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        return self.model.filter(*where, **filters).using_db(self._session.client)

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        where = {"id": row_id, **filters}
        key = ("row", self.model, shape(where))
        sql = cached_sql(key, lambda: self._unfiltered(**where).sql())
        rows = await self._fetch(sql, *self._arguments(where))
        return rows[0] if rows else None

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """Return the sorted rows of one page, and the total number of rows."""

        def rows() -> QuerySet[Model]:
            sign = "-" if order.descending else ""
            query = self._needed(self._rows(*where))
            return query.order_by(f"{sign}{order.column}", f"{sign}id").limit(limit).offset(offset)

        # SQL with conditions is not cached, because conditions cannot be part of a cache key.
        if where:
            return await rows(), await self._rows(*where).count()
        key, values = (type(self), shape(self._filters)), self._arguments(self._filters)
        sql = cached_sql(("page", order, *key), lambda: rows().sql())
        page = await self._fetch(sql, *values, limit, offset)
        sql = cached_sql(("count", *key), lambda: self._rows().count().sql())
        [total] = await self._session.client.execute_query_dict(sql, values)
        return page, next(iter(total.values()))

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Return up to `limit` rows, newest first. If `after` is given, start after that cursor."""

        def rows() -> QuerySet[Model]:
            query = self._rows()
            if after:
                # This form of `(created_at, id) < cursor` lets the database use an index.
                query = query.filter(
                    Q(created_at__lt=after.created_at) | Q(id__lt=after.id),
                    created_at__lte=after.created_at,
                )
            return self._needed(query).order_by("-created_at", "-id").limit(limit)

        key = ("newest", after is None, type(self), shape(self._filters))
        sql = cached_sql(key, lambda: rows().sql())
        position: list[Any] = []
        if after:
            [time, row_id] = self._arguments({"created_at": after.created_at, "id": after.id})
            position = [time, row_id, time]
        values = [*self._arguments(self._filters), *position]
        return await self._fetch(sql, *values, limit)

    async def _fetch(self, sql: str, *values: object) -> list[Model]:
        """Execute SQL with the given parameter values, and return the rows as entities."""
        client = self._session.client
        return await client.executor_class(self.model, client).execute_select(sql, list(values))

    def _arguments(self, filters: Mapping[str, object]) -> list[Any]:
        """Return the filter values in the form that the driver accepts. None values are omitted."""
        fields = self.model._meta.fields_map  # noqa: SLF001 - Tortoise has no public list of fields
        return [
            fields[name].to_db_value(value, self.model)
            for name, value in filters.items()
            if value is not None
        ]

    async def _insert(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        await row.save(using_db=self._session.client)
        return row

    async def _update(self, row_id: UUID, values: Mapping[str, Any]) -> Model | None:
        changed = await self._rows(id=row_id).update(**values, updated_at=datetime.now(UTC))
        # The row is read without filters, because the updated row may no longer match them.
        return await self._find({}, row_id) if changed else None

    async def _delete(self, row_id: UUID) -> Model | None:
        # The row is locked, so that a concurrent call to `_delete` waits and then finds no row.
        row = await self._rows(id=row_id).select_for_update().first()
        if row:
            await row.delete(using_db=self._session.client)
        return row

    def _load(self, fields: Mapping[str, Any]) -> Model:
        """Create an entity from the given column values."""
        return self.model(**fields)

    def _needed(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.only("id", *self.columns) if self.columns else rows
