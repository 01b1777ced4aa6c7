from uuid import UUID

from app.core.errors import NotFoundError


class ItemNotFoundError(NotFoundError):
    def __init__(self, item_id: UUID) -> None:
        super().__init__("Item", item_id)
