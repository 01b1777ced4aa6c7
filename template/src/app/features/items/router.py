from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.features.items.dependencies import ItemServiceDep
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemListParams, ItemResponse, ItemUpdate
from app.shared.pagination import Feed, FeedParams, FeedResponse, Page, PaginatedResponse
from app.shared.responses import error_responses

router = APIRouter(prefix="/items", tags=["items"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ItemResponse,
    responses=error_responses(413, 415),
)
async def create_item(
    data: ItemCreate, service: ItemServiceDep, request: Request, response: Response
) -> Item:
    """Create an item; `Location` names it."""
    item = await service.create(data)
    response.headers["Location"] = request.url_for("get_item", item_id=item.id).path
    return item


@router.get("", response_model=PaginatedResponse[ItemResponse])
async def list_items(
    params: Annotated[ItemListParams, Query()], service: ItemServiceDep
) -> Page[Item]:
    """A numbered page of items, with their total."""
    return await service.list(params)


@router.get("/feed", response_model=FeedResponse[ItemResponse])
async def feed_items(params: Annotated[FeedParams, Query()], service: ItemServiceDep) -> Feed[Item]:
    """Items from the newest on, as fast on the last page as on the first."""
    return await service.feed(params)


@router.get("/{item_id}", response_model=ItemResponse, responses=error_responses(404))
async def get_item(item_id: UUID, service: ItemServiceDep) -> Item:
    return await service.get(item_id)


@router.patch("/{item_id}", response_model=ItemResponse, responses=error_responses(404, 413, 415))
async def update_item(item_id: UUID, data: ItemUpdate, service: ItemServiceDep) -> Item:
    """Change the fields that are given."""
    return await service.update(item_id, data)


@router.delete("/{item_id}", status_code=status.HTTP_204_NO_CONTENT, responses=error_responses(404))
async def delete_item(item_id: UUID, service: ItemServiceDep) -> None:
    await service.delete(item_id)
