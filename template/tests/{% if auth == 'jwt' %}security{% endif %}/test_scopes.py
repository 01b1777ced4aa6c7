"""Tests that no repository method returns or changes a row that belongs to another user.

The tests cover every repository whose table has an `owner_id` column. If you add a repository
class, add it to `NEW_ROWS`, with a function that returns the values of a valid row.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from pydantic import BaseModel

from app import features
from app.core.database import EVERYTHING, Database, UnitOfWork
from app.core.database.repository import BaseRepository
from app.core.database.scope import OWNER
from app.core.errors import NotFoundError
from app.core.ids import uuid7
from app.core.security import Actor, Role
from app.features.items.repository import ItemRepository
from app.shared.filters import Sort
from tests.support.auth import MakeAccount
from tests.support.factories import Account, item_data

pytestmark = pytest.mark.error_path

NEW_ROWS: dict[type[BaseRepository[Any]], Callable[[], dict[str, Any]]] = {
    ItemRepository: item_data,
}
"""For each repository class, a function that returns the values of a valid row."""


def repositories_with_an_owner() -> Iterator[type[BaseRepository[Any]]]:
    """Yield every repository class whose table has an `owner_id` column."""
    for _, module in features.modules("repository"):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseRepository)
                and value.__module__ == module.__name__
                and value.has_column(OWNER)
            ):
                yield value


METHODS = [
    (repository, name)
    for repository in NEW_ROWS
    for name, _ in inspect.getmembers(repository, inspect.iscoroutinefunction)
    if not name.startswith("_") and name != "create"
]


def arguments(method: Any, row_id: UUID, values: dict[str, Any]) -> dict[str, Any]:
    """Return arguments for a method, based on the types of its parameters."""
    chosen: dict[str, Any] = {}
    for name, parameter in inspect.signature(method, eval_str=True).parameters.items():
        kind = parameter.annotation
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if kind is UUID:
            chosen[name] = row_id
        elif kind is Sort:
            chosen[name] = Sort.parse("created_at")
        elif getattr(kind, "__origin__", None) is Mapping:
            chosen[name] = values
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            chosen[name] = kind()
        else:
            pytest.fail(f"{method.__qualname__}: add a value for `{name}: {kind}` to `arguments`")
    return chosen


def ids(result: Any) -> set[Any]:
    """Return the ids in `result`, which is a row, a list of rows, a page or a single value."""
    rows = getattr(result, "items", result)
    return {getattr(row, "id", row) for row in (rows if isinstance(rows, list) else [rows])}


@pytest.fixture
async def unit(database: Database) -> AsyncGenerator[UnitOfWork]:
    async with database.transaction() as unit:
        yield unit


def test_every_repository_with_an_owner_is_tested() -> None:
    assert set(repositories_with_an_owner()) == NEW_ROWS.keys()


@pytest.mark.parametrize(
    ("repository", "name"), METHODS, ids=[f"{it.__name__}.{name}" for it, name in METHODS]
)
async def test_another_users_row_is_neither_returned_nor_changed(
    repository: type[BaseRepository[Any]],
    name: str,
    unit: UnitOfWork,
    user: Account,
    make_account: MakeAccount,
) -> None:
    other = await make_account()
    others = repository(unit, Actor(other.id, Role.USER).scope)
    row = await others.create(NEW_ROWS[repository]())
    before = vars(await others.get_or_raise(row.id)).copy()
    method = getattr(repository(unit, Actor(user.id, Role.USER).scope), name)

    try:
        result = await method(**arguments(method, row.id, NEW_ROWS[repository]()))
    except NotFoundError:
        result = None

    assert row.id not in ids(result)
    after = vars(await repository(unit, EVERYTHING).get_or_raise(row.id))
    assert {name: after[name] for name in before if name[0] != "_"} == {
        name: value for name, value in before.items() if name[0] != "_"
    }


async def test_a_scope_that_sees_all_rows_does_not_read_the_cache(database: Database) -> None:
    """The cache may contain rows that `ON DELETE CASCADE` has already deleted from the database."""
    cache = AsyncMock()
    async with database.reading() as unit:
        cached = UnitOfWork(unit.session, cache)
        for scope in (EVERYTHING, Actor(uuid7(), Role.ADMIN).scope):
            assert await ItemRepository(cached, scope).get(uuid7()) is None

    cache.get.assert_not_awaited()
