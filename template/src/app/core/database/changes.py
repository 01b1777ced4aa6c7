"""Changes: what a unit of work did to rows, as data for whoever has to know after its commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.shared.schemas import AppSchema

type Kind = Literal["created", "updated", "deleted"]


@dataclass(frozen=True)
class Resource:
    """What a model's rows are outside of the database."""

    name: str
    """In the plural, as in the path of its routes: `items`."""

    schema: type[AppSchema]
    """What a response shows of a row."""


@dataclass(frozen=True)
class Change:
    """One row that a repository created, updated or deleted."""

    kind: Kind
    resource: Resource
    row: Any
    """The entity after the change, or as it was when it was deleted."""


type Subscriber = Callable[[Sequence[Change]], Awaitable[None]]
"""Called after a commit, with the changes in their order."""
