"""Rows of items, for tests."""

from typing import Any

from app.core.database import Scope, UnitOfWork
from app.features.items.models import Item
from app.features.items.repository import ItemRepository
from tests.support.factories import item_data


async def item_values(_unit: UnitOfWork, _scope: Scope) -> dict[str, Any]:
    """Return the values of a valid row."""
    return item_data()


async def new_item(unit: UnitOfWork, scope: Scope, **changes: Any) -> Item:
    return await ItemRepository(unit, scope).create({**item_data(), **changes})


NEW_ROWS = {ItemRepository: item_values}
