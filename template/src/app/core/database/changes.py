"""Events for created, updated and deleted rows. Subscribers receive the events after the commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.shared.schemas import AppSchema

type Kind = Literal["created", "updated", "deleted"]


@dataclass(frozen=True)
class Resource:
    """The name and the response schema of a model in the public API."""

    name: str
    """The plural name that is used in URL paths, such as `items`."""

    schema: type[AppSchema]
    """The Pydantic schema that serializes a row in API responses."""

    is_public: bool = True
    """Whether clients may subscribe to the row changes."""

    is_cached: bool = True
    """Whether reads by id may return cached rows, which have only the fields of `schema`."""


@dataclass(frozen=True)
class Change:
    """One row that a repository created, updated or deleted."""

    kind: Kind
    resource: Resource
    row: Any
    """The entity with its new values, or with its last values if the row was deleted."""


type ChangeSubscriber = Callable[[Sequence[Change]], Awaitable[None]]
"""An async function that receives the row changes after the commit, oldest first."""
