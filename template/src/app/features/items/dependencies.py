from typing import Annotated

from fastapi import Depends

from app.dependencies import SessionDep
from app.features.items.repository import ItemRepository
from app.features.items.service import ItemService


def get_item_repository(session: SessionDep) -> ItemRepository:
    return ItemRepository(session)


ItemRepositoryDep = Annotated[ItemRepository, Depends(get_item_repository)]


def get_item_service(items: ItemRepositoryDep) -> ItemService:
    return ItemService(items)


ItemServiceDep = Annotated[ItemService, Depends(get_item_service)]
