"""Tests of `Scope`, which restricts a repository to rows with given column values."""

from collections.abc import AsyncGenerator

import pytest

from app.core.database import Database, Scope, UnitOfWork
from app.core.errors import NotFoundError
from app.features.items.models import Item
from app.features.items.repository import ItemRepository
from app.shared.filters import Sort
from app.shared.pagination import FeedParams, PageParams

# A scope may use any column of the model; the tests in this file use `description`.
SCOPE, OTHER_SCOPE = Scope({"description": "scope"}), Scope({"description": "other scope"})


@pytest.fixture
async def unit(database: Database) -> AsyncGenerator[UnitOfWork]:
    async with database.transaction() as unit:
        yield unit


@pytest.fixture
async def other_item(unit: UnitOfWork) -> Item:
    """An item whose `description` does not match `SCOPE`."""
    return await ItemRepository(unit, OTHER_SCOPE).create({"title": "Other"})


async def test_create_sets_the_columns_of_the_scope(unit: UnitOfWork) -> None:
    item = await ItemRepository(unit, SCOPE).create({"title": "New", "description": "given"})

    assert item.description == "scope"


async def test_create_sets_the_columns_of_a_scope_that_sees_all_rows(
    unit: UnitOfWork, other_item: Item
) -> None:
    items = ItemRepository(unit, Scope(SCOPE.columns, sees_all=True))

    assert (await items.create({"title": "New"})).description == "scope"
    assert (await items.get_or_raise(other_item.id)).description == "other scope"


async def test_a_scope_without_columns_of_the_model_finds_all_rows(
    unit: UnitOfWork, other_item: Item
) -> None:
    items = ItemRepository(unit, Scope({"tenant_id": 5}))

    assert (await items.get_or_raise(other_item.id)).id == other_item.id


async def test_a_scope_of_null_finds_only_the_rows_with_null(
    unit: UnitOfWork, other_item: Item
) -> None:
    items = ItemRepository(unit, Scope({"description": None}))
    null_item = await items.create({"title": "Null"})

    assert (await items.get_or_raise(null_item.id)).id == null_item.id
    assert await items.get(other_item.id) is None
    assert [item.id for item in (await items.feed(FeedParams())).items] == [null_item.id]
    page = await items.page(PageParams(), Sort.parse("title"))
    assert ([item.id for item in page.items], page.total) == ([null_item.id], 1)
    assert (await items.update(null_item.id, {"title": "Changed"})).title == "Changed"
    await items.delete(null_item.id)


@pytest.mark.error_path
async def test_update_and_delete_raise_not_found_outside_of_the_scope(
    unit: UnitOfWork, other_item: Item
) -> None:
    items = ItemRepository(unit, SCOPE)

    for change in ({"title": "Taken over"}, {}):
        with pytest.raises(NotFoundError):
            await items.update(other_item.id, change)
    with pytest.raises(NotFoundError):
        await items.delete(other_item.id)
