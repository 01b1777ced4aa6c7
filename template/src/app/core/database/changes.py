"""Row changes that a unit of work made, which subscribers receive after the commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.shared.schemas import AppSchema

type Kind = Literal["created", "updated", "deleted"]


@dataclass(frozen=True)
class Resource:
    """The public representation of a model's rows: a name and a response schema."""

    name: str
    """The plural name, as in the URL path of the routes: `items`."""

    schema: type[AppSchema]
    """The schema that serializes a row in responses."""


@dataclass(frozen=True)
class Change:
    """One row that a repository created, updated or deleted."""

    kind: Kind
    resource: Resource
    row: Any
    """The entity after the change. For a deletion, the entity as it was before."""


type ChangeSubscriber = Callable[[Sequence[Change]], Awaitable[None]]
"""A function called after each commit, with the changes in the order they were made."""
