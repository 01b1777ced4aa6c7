"""The channels that a client may subscribe to: found, like the features."""

from functools import cache

from app import features
from app.core.database.repository import BaseRepository


@cache
def channels() -> frozenset[str]:
    """The name of every resource whose changes a feature's repositories record."""
    return frozenset(
        value.resource.name
        for _, module in features.modules("repository")
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseRepository) and value.resource
    )
