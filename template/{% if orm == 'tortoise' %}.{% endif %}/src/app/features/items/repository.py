from app.core.repository import BaseRepository
from app.features.items.exceptions import ItemNotFoundError
from app.features.items.models import Item
from app.features.items.schemas import ItemListParams
from app.shared.pagination import Page


class ItemRepository(BaseRepository[Item]):
    model = Item
    not_found = ItemNotFoundError

    async def search(self, params: ItemListParams, **filters: object) -> Page[Item]:
        """A page of the items whose title contains `params.q`, in any case."""
        if params.q:
            filters["title__icontains"] = params.q
        return await self.page(params, params.order, **filters)
