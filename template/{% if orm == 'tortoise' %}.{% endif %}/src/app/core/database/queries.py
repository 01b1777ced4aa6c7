"""Database queries for the table of one model, written with Tortoise."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.core.database.models import Entity
from app.core.database.session import Session
from app.shared.filters import Sort
from app.shared.pagination import Cursor

type Condition = Q


class Queries[Model: Entity]:
    """Begins every query with `_rows()`, which sets the session's connection and the filters."""

    model: type[Model]
    columns: tuple[str, ...] = ()
    """Columns that lists load, or all columns if empty. Leave out large and secret columns."""

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Column values that every query filters by."""

    @classmethod
    def has_column(cls, name: str) -> bool:
        return name in cls.model._meta.fields_map  # noqa: SLF001 - Tortoise has no public API

    def _rows(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        """Return a query of the rows that match the repository's filters and these conditions."""
        return self._unfiltered(*where, **filters).filter(**self._filters)

    def _unfiltered(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        return self.model.filter(*where, **filters).using_db(self._session.client)

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        return await self._unfiltered(id=row_id, **filters).first()

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """Return the rows of one page in this order, and the total number of rows."""
        rows = self._rows(*where)
        sign = "-" if order.descending else ""
        items = await (
            self._needed(rows)
            .order_by(f"{sign}{order.column}", f"{sign}id")
            .offset(offset)
            .limit(limit)
        )
        return items, await rows.count()

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Return the rows after the cursor, newest first."""
        rows = self._rows()
        if after:
            # `created_at <=` can use the index, and the other condition breaks ties by id.
            rows = rows.filter(
                Q(created_at__lt=after.created_at) | Q(id__lt=after.id),
                created_at__lte=after.created_at,
            )
        return await self._needed(rows).order_by("-created_at", "-id").limit(limit)

    async def _insert(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        await row.save(using_db=self._session.client)
        return row

    async def _update(self, row_id: UUID, values: Mapping[str, Any]) -> Model | None:
        changed = await self._rows(id=row_id).update(**values, updated_at=datetime.now(UTC))
        # The changed row may no longer match the filters.
        return await self._find({}, row_id) if changed else None

    async def _delete(self, row_id: UUID) -> Model | None:
        # The row is locked, so that a concurrent deletion of it waits and then finds no row.
        row = await self._rows(id=row_id).select_for_update().first()
        if row:
            await row.delete(using_db=self._session.client)
        return row

    def _load(self, fields: Mapping[str, Any]) -> Model:
        """Create an entity from these columns."""
        return self.model(**fields)

    def _needed(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.only("id", *self.columns) if self.columns else rows
