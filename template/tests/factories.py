"""Valid input for tests, of which each names only what it is about."""

from typing import Any

from polyfactory import Use
from polyfactory.factories.pydantic_factory import ModelFactory

from app.features.items.schemas import ItemCreate


class ItemCreateFactory(ModelFactory[ItemCreate]):
    title = Use(ModelFactory.__faker__.sentence, nb_words=4)
    description = Use(ModelFactory.__faker__.paragraph)


def item_data(**changes: Any) -> dict[str, Any]:
    """A body for `POST /api/v1/items`."""
    return {**ItemCreateFactory.build().model_dump(), **changes}
