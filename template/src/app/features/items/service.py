from uuid import UUID

from app.features.items.models import Item
from app.features.items.repository import ItemRepository
from app.features.items.schemas import ItemCreate, ItemListParams, ItemUpdate
from app.shared.pagination import Feed, FeedParams, Page


class ItemService:
    """Business logic of items.

    Methods raise `ItemNotFoundError` if no item has the given id. They also raise it for an item
    outside the repository's scope, because a 403 response would reveal that the item exists.
    """

    def __init__(self, items: ItemRepository) -> None:
        self._items = items

    async def create(self, data: ItemCreate) -> Item:
        return await self._items.create(data.model_dump())

    async def list(self, params: ItemListParams) -> Page[Item]:
        return await self._items.search(params)

    async def feed(self, params: FeedParams) -> Feed[Item]:
        return await self._items.feed(params)

    async def get(self, item_id: UUID) -> Item:
        return await self._items.get_or_raise(item_id)

    async def update(self, item_id: UUID, data: ItemUpdate) -> Item:
        return await self._items.update(item_id, data.model_dump())

    async def delete(self, item_id: UUID) -> None:
        await self._items.delete(item_id)
