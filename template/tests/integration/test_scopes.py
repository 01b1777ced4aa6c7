"""Scopes: what a repository finds, changes and creates for whom."""

from collections.abc import AsyncGenerator

import pytest

from app.core.database import Database, Scope, UnitOfWork
from app.core.errors import NotFoundError
from app.features.items.models import Item
from app.features.items.repository import ItemRepository
from app.shared.filters import Sort
from app.shared.pagination import FeedParams, PageParams

# Any column can be that of a scope. This one is there whether or not there are users.
MINE, OTHERS = Scope({"description": "mine"}), Scope({"description": "others'"})


@pytest.fixture
async def unit(database: Database) -> AsyncGenerator[UnitOfWork]:
    async with database.transaction() as unit:
        yield unit


@pytest.fixture
async def others(unit: UnitOfWork) -> Item:
    """An item outside of the scope `MINE`."""
    return await ItemRepository(unit, OTHERS).create({"title": "Others'"})


async def test_a_created_row_gets_the_columns_of_the_scope(unit: UnitOfWork) -> None:
    item = await ItemRepository(unit, MINE).create({"title": "Mine", "description": "given"})

    assert item.description == "mine"


async def test_a_scope_that_sees_all_still_stamps_what_it_creates(
    unit: UnitOfWork, others: Item
) -> None:
    items = ItemRepository(unit, Scope(MINE.columns, sees_all=True))

    assert (await items.create({"title": "Mine"})).description == "mine"
    assert (await items.get_or_raise(others.id)).description == "others'"


async def test_a_scope_without_a_column_of_the_model_restricts_nothing(
    unit: UnitOfWork, others: Item
) -> None:
    items = ItemRepository(unit, Scope({"tenant_id": 5}))

    assert (await items.get_or_raise(others.id)).id == others.id


async def test_a_scope_of_null_finds_the_rows_that_have_none(
    unit: UnitOfWork, others: Item
) -> None:
    items = ItemRepository(unit, Scope({"description": None}))
    bare = await items.create({"title": "bare"})

    assert (await items.get_or_raise(bare.id)).id == bare.id
    assert await items.get(others.id) is None
    assert [item.id for item in (await items.feed(FeedParams())).items] == [bare.id]
    page = await items.page(PageParams(), Sort.parse("title"))
    assert ([item.id for item in page.items], page.total) == ([bare.id], 1)
    assert (await items.update(bare.id, {"title": "Still bare"})).title == "Still bare"
    await items.delete(bare.id)


@pytest.mark.error_path
async def test_a_change_cannot_be_made_outside_of_the_scope(unit: UnitOfWork, others: Item) -> None:
    items = ItemRepository(unit, MINE)

    for change in ({"title": "Taken over"}, {}):
        with pytest.raises(NotFoundError):
            await items.update(others.id, change)
    with pytest.raises(NotFoundError):
        await items.delete(others.id)
