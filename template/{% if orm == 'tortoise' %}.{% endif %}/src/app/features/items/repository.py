from tortoise.expressions import Q

from app.core.database.changes import Resource
from app.core.database.repository import BaseRepository
from app.features.items.exceptions import ItemNotFoundError
from app.features.items.models import Item
from app.features.items.schemas import ItemListParams, ItemResponse
from app.shared.pagination import Page


class ItemRepository(BaseRepository[Item]):
    model = Item
    not_found = ItemNotFoundError
    resource = Resource("items", ItemResponse)

    async def search(self, params: ItemListParams) -> Page[Item]:
        """Return a page of the items whose title contains `params.q`, ignoring case."""
        where = [Q(title__icontains=params.q)] if params.q else []
        return await self.page(params, params.order, *where)
