"""The database queries of all repositories, written with SQLAlchemy."""

from collections.abc import Mapping
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
    """Executes statements and returns entities, as in `await self._one(self._select())`."""

    model: type[Model]
    columns: tuple[Any, ...] = ()
    """The columns that list queries load. An empty tuple means all columns.

    List queries should not load large columns or secrets.
    """

    def __init__(self, session: Session, filters: Mapping[str, object]) -> None:
        self._session = session
        self._filters = filters
        """Column values that the queries filter by."""

        # With `Any`, type checkers do not report a column as a value, such as a `UUID`.
        self._table: Any = self.model

    @classmethod
    def has_column(cls, name: str) -> bool:
        return name in _keys(cls.model)

    def _select(self) -> Select[Any]:
        """Return a SELECT statement for all columns of the rows that match the filters."""
        return select(*_columns(self.model)).where(*self._conditions())

    async def _one(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Model | None:
        """Execute a statement that returns at most one row, and return the entity or None."""
        rows = await self._all(statement, parameters)
        return rows[0] if rows else None

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
        """Return the sorted rows of one page, and the total number of rows."""
        shape = _shape(self._filters)
        rows = _listing(self.model, self.columns, shape, (order.column, "id"), order.descending)
        counting = _counting(self.model, shape)
        if where:
            rows, counting = rows.where(*where), counting.where(*where)
        items = await self._all(rows, {"limit": limit, "offset": offset, **self._filters})
        total = await self._session.execute(counting, self._filters)
        return items, total.scalar_one()

    async def _newest(self, after: Cursor | None, limit: int) -> list[Model]:
        """Return up to `limit` rows, newest first. If `after` is given, start after that cursor."""
        by = ("created_at", "id")
        statement = _listing(self.model, self.columns, _shape(self._filters), by, descending=True)
        if after:
            place = tuple_(self._table.created_at, self._table.id)
            statement = statement.where(place < (after.created_at, after.id))
        return await self._all(statement, {"limit": limit, "offset": 0, **self._filters})

    async def _insert(self, values: Mapping[str, Any]) -> Model:
        keys = _keys(self.model)
        parameters = {keys[name]: value for name, value in values.items()}
        [row] = await self._all(_inserting(self.model), parameters)
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
        """Create an entity from the given column values.

        Reading a column that is not in `fields` raises `DetachedInstanceError`.
        """
        # Calling the entity's constructor would take ten times as long as `new_instance`.
        # Like SQLAlchemy's session, this method creates an entity without calling its constructor.
        entity: Model = self._table.__mapper__.class_manager.new_instance()
        entity.__dict__.update(fields)
        if len(fields) < len(_columns(self.model)):
            make_transient_to_detached(entity)
        return entity

    def _conditions(self) -> list[Condition]:
        return [getattr(self.model, name) == value for name, value in self._filters.items()]


# Statements are cached, because building a statement takes as long as executing it.

type Shape = tuple[tuple[str, bool], ...]
"""The name of each filter column, and whether its value is NULL."""


def _shape(filters: Mapping[str, object]) -> Shape:
    return tuple((name, value is None) for name, value in filters.items())


def _matching(model: type[Entity], shape: Shape) -> list[Condition]:
    """Return the SQL conditions for the filters. Each bind parameter is named after its column."""
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
    """Build a list query. Its parameters are `limit`, `offset` and one for each filter column."""
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
    """Return all columns of the model, each labeled with its attribute name."""
    return tuple(getattr(model, name).label(name) for name in _keys(model))


@cache
def _keys(model: type[Entity]) -> dict[str, str]:
    """Return a dict from the model's attribute names to the names of the table's columns."""
    mapper: Mapper[Any] = inspect(model)
    return {attribute.key: attribute.columns[0].key for attribute in mapper.column_attrs}
