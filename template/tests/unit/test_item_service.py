"""Unit tests of `ItemService` with a mocked repository."""

from unittest.mock import AsyncMock, create_autospec

import pytest

from app.core.ids import uuid7
from app.features.items.exceptions import ItemNotFoundError
from app.features.items.repository import ItemRepository
from app.features.items.schemas import ItemUpdate
from app.features.items.service import ItemService


@pytest.fixture
def items() -> AsyncMock:
    repository: AsyncMock = create_autospec(ItemRepository, instance=True)
    return repository


async def test_update_passes_only_the_given_fields_to_the_repository(items: AsyncMock) -> None:
    item_id = uuid7()

    await ItemService(items).update(item_id, ItemUpdate(description=None))

    items.update.assert_awaited_once_with(item_id, {"description": None})


@pytest.mark.error_path
async def test_get_raises_item_not_found_for_an_unknown_id(items: AsyncMock) -> None:
    item_id = uuid7()
    items.get_or_raise.side_effect = ItemNotFoundError(item_id)

    with pytest.raises(ItemNotFoundError, match=str(item_id)):
        await ItemService(items).get(item_id)
