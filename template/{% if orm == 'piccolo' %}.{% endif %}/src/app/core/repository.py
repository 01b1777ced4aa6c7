"""The queries that every feature needs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from piccolo.columns import Column, Varchar
from piccolo.columns.combination import Where
from piccolo.custom_types import Combinable

from app.core.database import Session
from app.core.engine import violated_constraint
from app.core.errors import ConflictError, NotFoundError
from app.core.models import Entity
from app.shared.filters import Sort
from app.shared.pagination import Cursor, Feed, FeedParams, Page, PageParams

WILDCARDS = re.compile(r"[\\%_]")

type Conflicts = Mapping[str, Callable[[], ConflictError]]


class BaseRepository[Model: Entity]:
    """Data access of one model.

    `**filters` are columns and the value each must have: `get(id, team_id=5)` finds no row of
    another team. Methods that name a row raise the feature's `not_found`.
    """

    model: type[Model]
    not_found: Callable[[UUID], NotFoundError]
    columns: tuple[Column, ...] = ()
    """What a list loads; by default every column, but a large or secret one is better left out."""

    conflicts: ClassVar[Conflicts] = {}
    """What violating a constraint, by its name, means to a client."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, row_id: UUID, **filters: object) -> Model | None:
        return await self._session.run(
            self.model.objects().where(*self._equal({"id": row_id, **filters})).first()
        )

    async def get_or_raise(self, row_id: UUID, **filters: object) -> Model:
        row = await self.get(row_id, **filters)
        if row is None:
            raise self.not_found(row_id)
        return row

    async def page(
        self, params: PageParams, order: Sort, *where: Combinable, **filters: object
    ) -> Page[Model]:
        """A numbered page, its ties broken by id so that no row shows on two pages."""
        conditions = [*where, *self._equal(filters)]
        rows = await self._session.run(
            self.model.select(*self._needed())
            .where(*conditions)
            .order_by(
                getattr(self.model, order.column), self.model.id, ascending=not order.descending
            )
            .offset(params.offset)
            .limit(params.page_size)
        )
        total = await self._session.run(self.model.count().where(*conditions))
        return Page(self._load(rows), total, params.page, params.page_size)

    async def feed(self, params: FeedParams, **filters: object) -> Feed[Model]:
        """Newest first, from behind the cursor; wants an index on `(created_at, id)`."""
        created_at, key = self.model.created_at, self.model.id
        statement = (
            self.model.select(*self._needed())
            .where(*self._equal(filters))
            .order_by(created_at, key, ascending=False)
            .limit(params.limit + 1)  # One more than asked for tells whether there is more.
        )
        if after := params.after:
            # The first half is what an index can find, the second breaks the ties.
            statement = statement.where(
                created_at <= after.created_at, (created_at < after.created_at) | (key < after.id)
            )
        rows = self._load(await self._session.run(statement))
        items = rows[: params.limit]
        more = len(rows) > len(items)
        return Feed(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)

    async def create(self, values: Mapping[str, Any]) -> Model:
        row = self.model(**values)
        with self._conflicts():
            await self._session.run(row.save())
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any], **filters: object) -> Model:
        """Set these columns, in one statement; without any, the row is returned as it is."""
        if not values:
            return await self.get_or_raise(row_id, **filters)
        columns = {getattr(self.model, name): value for name, value in values.items()}
        with self._conflicts():
            rows = await self._session.run(
                self.model.update(columns)
                .where(*self._equal({"id": row_id, **filters}))
                .returning(*self.model.all_columns())
            )
        if not rows:
            raise self.not_found(row_id)
        return self._load(rows)[0]

    async def delete(self, row_id: UUID, **filters: object) -> Model:
        with self._conflicts():
            rows = await self._session.run(
                self.model.delete()
                .where(*self._equal({"id": row_id, **filters}))
                .returning(*self.model.all_columns())
            )
        if not rows:
            raise self.not_found(row_id)
        return self._load(rows)[0]

    def _needed(self) -> list[Column]:
        return [self.model.id, *self.columns] if self.columns else self.model.all_columns()

    @contextmanager
    def _conflicts(self) -> Iterator[None]:
        """Raise a `ConflictError` for a value that is taken, a row that is gone or still needed.

        The database decides: a query beforehand would miss what others do in between. A check
        that `conflicts` does not name stays what it is: a rule that validation has missed.
        """
        try:
            yield
        except Exception as exc:
            constraint = violated_constraint(exc, self.conflicts)
            if constraint is None:
                raise
            error = self.conflicts.get(constraint, ConflictError)
            raise error() from exc

    def _equal(self, filters: Mapping[str, object]) -> list[Where]:
        return [getattr(self.model, name) == value for name, value in filters.items()]

    def _load(self, rows: Sequence[dict[str, Any]]) -> list[Model]:
        return [self.model.load(row) for row in rows]


def containing(column: Varchar, text: str) -> Where:
    """That a column contains a text, in any case; `%` and `_` stand for themselves."""
    return column.ilike(f"%{WILDCARDS.sub(r'\\\g<0>', text)}%")
