"""The queries that every feature needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.core.database import Session
from app.core.engine import violated_constraint
from app.core.errors import ConflictError, NotFoundError
from app.core.models import Entity
from app.shared.filters import Sort
from app.shared.pagination import Cursor, Feed, FeedParams, Page, PageParams

type Conflicts = Mapping[str, Callable[[], ConflictError]]


class BaseRepository[Model: Entity]:
    """Data access of one model.

    `**filters` are Tortoise's, most of them a column and the value it must have:
    `get(id, team_id=5)` finds no row of another team. Methods that name a row raise the feature's
    `not_found`.
    """

    model: type[Model]
    not_found: Callable[[UUID], NotFoundError]
    columns: tuple[str, ...] = ()
    """What a list loads; by default every column, but a large or secret one is better left out."""

    conflicts: ClassVar[Conflicts] = {}
    """What violating a constraint, by its name, means to a client."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, row_id: UUID, **filters: object) -> Model | None:
        return await self._rows(id=row_id, **filters).first()

    async def get_or_raise(self, row_id: UUID, **filters: object) -> Model:
        row = await self.get(row_id, **filters)
        if row is None:
            raise self.not_found(row_id)
        return row

    async def page(
        self, params: PageParams, order: Sort, *where: Q, **filters: object
    ) -> Page[Model]:
        """A numbered page, its ties broken by id so that no row shows on two pages."""
        rows = self._rows(**filters).filter(*where)
        sign = "-" if order.descending else ""
        items = await (
            self._needed(rows)
            .order_by(f"{sign}{order.column}", f"{sign}id")
            .offset(params.offset)
            .limit(params.page_size)
        )
        return Page(items, await rows.count(), params.page, params.page_size)

    async def feed(self, params: FeedParams, **filters: object) -> Feed[Model]:
        """Newest first, from behind the cursor; wants an index on `(created_at, id)`."""
        rows = self._rows(**filters)
        if after := params.after:
            # The first half is what an index can find, the second breaks the ties.
            rows = rows.filter(
                Q(created_at__lt=after.created_at) | Q(id__lt=after.id),
                created_at__lte=after.created_at,
            )
        # One more than asked for tells whether there is more.
        found = await self._needed(rows).order_by("-created_at", "-id").limit(params.limit + 1)
        items = found[: params.limit]
        more = len(found) > len(items)
        return Feed(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)

    async def create(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        with self._conflicts():
            await row.save(using_db=self._session.client)
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any], **filters: object) -> Model:
        """Set these columns; without any, the row is returned as it is."""
        if not values:
            return await self.get_or_raise(row_id, **filters)
        rows = self._rows(id=row_id, **filters)
        with self._conflicts():
            changed = await rows.update(**values, updated_at=datetime.now(UTC))
        if not changed:
            raise self.not_found(row_id)
        return await self.get_or_raise(row_id)  # As changed, it may fit the filters no more.

    async def delete(self, row_id: UUID, **filters: object) -> Model:
        # Locked, so that of two who delete it one finds it gone.
        row = await self._rows(id=row_id, **filters).select_for_update().first()
        if row is None:
            raise self.not_found(row_id)
        with self._conflicts():
            await row.delete(using_db=self._session.client)
        return row

    def _rows(self, **filters: Any) -> QuerySet[Model]:
        """Where every query starts: on the session's connection."""
        return self.model.filter(**filters).using_db(self._session.client)

    def _needed(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        return rows.only("id", *self.columns) if self.columns else rows

    @contextmanager
    def _conflicts(self) -> Iterator[None]:
        """Raise a `ConflictError` for a value that is taken, a row that is gone or still needed.

        The database decides: a query beforehand would miss what others do in between. A check
        that `conflicts` does not name stays what it is: a rule that validation has missed.
        """
        try:
            yield
        except IntegrityError as exc:
            constraint = violated_constraint(exc, self.conflicts)
            if constraint is None:
                raise
            error = self.conflicts.get(constraint, ConflictError)
            raise error() from exc
