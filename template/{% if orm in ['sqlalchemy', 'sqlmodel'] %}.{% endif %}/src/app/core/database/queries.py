"""What repositories ask of one table, as SQLAlchemy writes it."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Insert,
    Select,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapper, make_transient_to_detached

from app.core.database.models import Entity
from app.core.database.session import Session
from app.shared.filters import Sort
from app.shared.pagination import Cursor

type Condition = ColumnElement[bool]


class Queries[Model: Entity]:
    """Runs statements, and makes entities of the rows: `await self._one(self._select().where(…))`."""

    model: type[Model]
    columns: tuple[Any, ...] = ()
    """What a list loads; by default every column, but a large or secret one is better left out."""

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Columns and the value that each has in every row found."""

        self._table: Any = self.model  # A column may be typed as its values.

    @classmethod
    def has_column(cls, name: str) -> bool:
        return name in _keys(cls.model)

    def _select(self) -> Select[Any]:
        """Begins a query: all columns of the rows that the filters let through."""
        return select(*_columns(self.model)).where(*self._conditions())

    async def _one(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Model | None:
        """The entity of a statement that has at most one row."""
        result = await self._session.execute(statement, parameters)
        row = result.one_or_none()
        return self._load(dict(zip(result.keys(), row, strict=True))) if row else None

    async def _all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> list[Model]:
        result = await self._session.execute(statement, parameters)
        names = tuple(result.keys())
        return [self._load(dict(zip(names, row, strict=True))) for row in result]

    async def _find(self, filters: Mapping[str, object], row_id: UUID) -> Model | None:
        statement = _by_id(self.model, _shape(filters))
        return await self._one(statement, {"id": row_id, **filters})

    async def _page(
        self, order: Sort, offset: int, limit: int, *where: Condition
    ) -> tuple[list[Model], int]:
        """A stretch of the rows in this order, and how many rows there are."""
        shape = _shape(self._filters)
        rows = _listing(self.model, self.columns, shape, (order.column, "id"), order.descending)
        counting = _counting(self.model, shape)
        if where:
            rows, counting = rows.where(*where), counting.where(*where)
        items = await self._all(rows, {"limit": limit, "offset": offset, **self._filters})
        total = await self._session.execute(counting, self._filters)
        return items, total.scalar_one()

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Newest first, from behind the cursor."""
        by = ("created_at", "id")
        statement = _listing(self.model, self.columns, _shape(self._filters), by, descending=True)
        if after:
            place = tuple_(self._table.created_at, self._table.id)
            statement = statement.where(place < (after.created_at, after.id))
        return await self._all(statement, {"limit": limit, "offset": 0, **self._filters})

    async def _insert(self, values: Mapping[str, Any]) -> Model:
        keys = _keys(self.model)
        row = await self._one(
            _inserting(self.model), {keys[name]: value for name, value in values.items()}
        )
        assert row is not None  # noqa: S101 # an INSERT returns its row
        return row

    async def _update(self, row_id: UUID, values: Mapping[str, Any]) -> Model | None:
        return await self._one(
            update(self.model)
            .where(self._table.id == row_id, *self._conditions())
            .values({getattr(self.model, name): value for name, value in values.items()})
            .returning(*_columns(self.model))
        )

    async def _delete(self, row_id: UUID) -> Model | None:
        return await self._one(
            delete(self.model)
            .where(self._table.id == row_id, *self._conditions())
            .returning(*_columns(self.model))
        )

    def _load(self, fields: Mapping[str, Any]) -> Model:
        """A detached entity of these columns; to read another raises `DetachedInstanceError`."""
        entity: Model = _maker(self.model)()
        entity.__dict__.update(fields)
        if len(fields) < len(_columns(self.model)):
            make_transient_to_detached(entity)
        return entity

    def _conditions(self) -> list[Condition]:
        return [getattr(self.model, name) == value for name, value in self._filters.items()]


# Statements are built once: building one costs as much as running it. Their values are parameters.

type Shape = tuple[tuple[str, bool], ...]
"""The columns of filters, each with whether its value is null."""


def _shape(filters: Mapping[str, object]) -> Shape:
    return tuple((name, value is None) for name, value in filters.items())


def _matching(model: type[Entity], shape: Shape) -> list[Condition]:
    """That rows have the values of the filters, whose parameters are named like the columns."""
    return [
        getattr(model, name).is_(None) if is_null else getattr(model, name) == bindparam(name)
        for name, is_null in shape
    ]


@cache
def _by_id(model: type[Entity], shape: Shape) -> Select[Any]:
    table: Any = model
    return select(*_columns(model)).where(table.id == bindparam("id"), *_matching(model, shape))


@cache
def _listing(
    model: type[Entity],
    columns: tuple[Any, ...],
    shape: Shape,
    order: tuple[str, ...],
    descending: bool,
) -> Select[Any]:
    """Parameters: `limit`, `offset` and those of the filters."""
    table: Any = model
    by = [getattr(model, name) for name in order]
    return (
        select(*((table.id, *columns) if columns else _columns(model)))
        .where(*_matching(model, shape))
        .order_by(*(column.desc() if descending else column for column in by))
        .limit(bindparam("limit", type_=BigInteger))
        .offset(bindparam("offset", type_=BigInteger))
    )


@cache
def _counting(model: type[Entity], shape: Shape) -> Select[Any]:
    return select(func.count()).select_from(model).where(*_matching(model, shape))


@cache
def _inserting(model: type[Entity]) -> Insert:
    return insert(model).returning(*_columns(model))


@cache
def _columns(model: type[Entity]) -> tuple[Any, ...]:
    """Each under the name of its attribute, which may not be that in the database."""
    columns: list[Any] = []
    for name, key in _keys(model).items():
        column = getattr(model, name)
        columns.append(column if name == key else column.label(name))
    return tuple(columns)


@cache
def _keys(model: type[Entity]) -> dict[str, str]:
    """The name in the table of each attribute that is a column."""
    mapper: Mapper[Any] = inspect(model)
    return {attribute.key: attribute.columns[0].key for attribute in mapper.column_attrs}


@cache
def _maker(model: type[Entity]) -> Callable[[], Any]:
    """Makes an entity without calling its constructor, which takes ten times as long.

    SQLAlchemy's session loads entities in the same way.
    """
    mapper: Mapper[Any] = inspect(model)
    return mapper.class_manager.new_instance
