"""The channels that a client may subscribe to, collected from the repositories of all features."""

from functools import cache

from app import features
from app.core.database.repository import BaseRepository


@cache
def channels() -> frozenset[str]:
    """Return one channel name for each repository whose row changes are public."""
    return frozenset(
        value.resource.name
        for _, module in features.modules("repository")
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseRepository)
        if value.resource and value.resource.is_public
    )
