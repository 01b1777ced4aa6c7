"""The queries that every feature needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, load_only
from sqlalchemy.orm.interfaces import ORMOption

from app.core.database import Session
from app.core.engine import violated_constraint
from app.core.errors import ConflictError, NotFoundError
from app.core.models import Entity
from app.shared.filters import Sort
from app.shared.pagination import Cursor, Feed, FeedParams, Page, PageParams

type Conflicts = Mapping[str, Callable[[], ConflictError]]


class BaseRepository[Model: Entity]:
    """Data access of one model.

    `**filters` are columns and the value each must have: `get(id, team_id=5)` finds no row of
    another team. Methods that name a row raise the feature's `not_found`.
    """

    model: type[Model]
    not_found: Callable[[UUID], NotFoundError]
    columns: tuple[InstrumentedAttribute[Any], ...] = ()
    """What a list loads; by default every column, but a large or secret one is better left out."""

    conflicts: ClassVar[Conflicts] = {}
    """What violating a constraint, by its name, means to a client."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, row_id: UUID, **filters: object) -> Model | None:
        statement = self._select_by_id(tuple(filters))
        row: Model | None = await self._session.scalar(statement, {"id": row_id, **filters})
        return row

    async def get_or_raise(self, row_id: UUID, **filters: object) -> Model:
        row = await self.get(row_id, **filters)
        if row is None:
            raise self.not_found(row_id)
        return row

    async def page(
        self, params: PageParams, order: Sort, *where: ColumnElement[bool], **filters: object
    ) -> Page[Model]:
        """A numbered page, its ties broken by id so that no row shows on two pages."""
        conditions = [*where, *self._equal(filters)]
        column, key = getattr(self.model, order.column), self.model.id
        rows = await self._session.scalars(
            select(self.model)
            .options(*self._needed())
            .where(*conditions)
            .order_by(*(part.desc() if order.descending else part for part in (column, key)))
            .offset(params.offset)
            .limit(params.page_size)
        )
        total = await self._session.scalar(
            select(func.count()).select_from(self.model).where(*conditions)
        )
        return Page(rows.all(), total or 0, params.page, params.page_size)

    async def feed(self, params: FeedParams, **filters: object) -> Feed[Model]:
        """Newest first, from behind the cursor; wants an index on `(created_at, id)`."""
        created_at, key = self.model.created_at, self.model.id
        statement = (
            select(self.model)
            .options(*self._needed())
            .where(*self._equal(filters))
            .order_by(created_at.desc(), key.desc())
            .limit(params.limit + 1)  # One more than asked for tells whether there is more.
        )
        if after := params.after:
            statement = statement.where(tuple_(created_at, key) < (after.created_at, after.id))
        rows = (await self._session.scalars(statement)).all()
        items = rows[: params.limit]
        more = len(rows) > len(items)
        return Feed(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)

    async def create(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        self._session.add(row)
        with self._conflicts():
            await self._session.flush()
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any], **filters: object) -> Model:
        """Set these columns, in one statement; without any, the row is returned as it is."""
        if not values:
            return await self.get_or_raise(row_id, **filters)
        statement = update(self.model).where(self.model.id == row_id, *self._equal(filters))
        with self._conflicts():
            row: Model | None = await self._session.scalar(
                statement.values(**values).returning(self.model)
            )
        if row is None:
            raise self.not_found(row_id)
        return row

    async def delete(self, row_id: UUID, **filters: object) -> Model:
        statement = delete(self.model).where(self.model.id == row_id, *self._equal(filters))
        with self._conflicts():
            row: Model | None = await self._session.scalar(statement.returning(self.model))
        if row is None:
            raise self.not_found(row_id)
        return row

    def _needed(self) -> list[ORMOption]:
        return [load_only(*self.columns, raiseload=True)] if self.columns else []

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

    def _equal(self, filters: Mapping[str, object]) -> list[ColumnElement[bool]]:
        return [getattr(self.model, name) == value for name, value in filters.items()]

    _by_id: dict[tuple[str, ...], Select[Any]]

    def __init_subclass__(cls) -> None:
        cls._by_id = {}

    @classmethod
    def _select_by_id(cls, filters: tuple[str, ...]) -> Select[tuple[Model]]:
        """Built once: building it costs as much as the rest of a read."""
        if filters not in cls._by_id:
            cls._by_id[filters] = select(cls.model).where(
                cls.model.id == bindparam("id"),
                # Not `=`, of which None would make `= NULL`: true for no row.
                *(
                    getattr(cls.model, name).is_not_distinct_from(bindparam(name))
                    for name in filters
                ),
            )
        return cls._by_id[filters]
