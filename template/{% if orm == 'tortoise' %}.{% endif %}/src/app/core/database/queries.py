"""What repositories ask of one table, as Tortoise writes it."""

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
    """Begins every query with `_rows()`: on the session's connection, and within the filters."""

    model: type[Model]
    columns: tuple[str, ...] = ()
    """What a list loads; by default every column, but a large or secret one is better left out."""

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Columns and the value that each has in every row found."""

    @classmethod
    def has_column(cls, name: str) -> bool:
        return name in cls.model._meta.fields_map  # noqa: SLF001 - there is no other way

    def _rows(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        """The rows that the filters let through, and these, which are Tortoise's."""
        return self._unfiltered(*where, **filters).filter(**self._filters)

    def _unfiltered(self, *where: Condition, **filters: Any) -> QuerySet[Model]:
        return self.model.filter(*where, **filters).using_db(self._session.client)

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        return await self._unfiltered(id=row_id, **filters).first()

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """A stretch of the rows in this order, and how many rows there are."""
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
        """Newest first, from behind the cursor."""
        rows = self._rows()
        if after:
            # The first half is what an index can find, the second breaks the ties.
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
        # As changed, it may be outside of the filters.
        return await self._find({}, row_id) if changed else None

    async def _delete(self, row_id: UUID) -> Model | None:
        # Locked, so that of two who delete it one finds it gone.
        row = await self._rows(id=row_id).select_for_update().first()
        if row:
            await row.delete(using_db=self._session.client)
        return row

    def _load(self, fields: Mapping[str, Any]) -> Model:
        """An entity of these columns."""
        return self.model(**fields)

    def _needed(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.only("id", *self.columns) if self.columns else rows
