"""Two ways through a list: numbered pages with a total, and a cursor that scales."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    computed_field,
)
from pydantic.config import JsonDict

from app.shared.schemas import AppSchema, QuerySchema

MAX_PAGE_SIZE = 100
# Keeps the offset within the 64 bits that databases count in.
MAX_PAGE = 2**31


class PageParams(QuerySchema):
    """Which numbered page: its offset makes the database walk past every row before it."""

    page: int = Field(1, ge=1, le=MAX_PAGE, description="Counted from 1.")
    page_size: int = Field(20, ge=1, le=MAX_PAGE_SIZE)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One numbered page; `total` counts the whole list under the same filters."""

    items: Sequence[T]
    total: int
    page: int
    page_size: int


def _list_example(**fields: JsonValue) -> Callable[[JsonDict, type[BaseModel]], None]:
    """An example of a list: these fields, and as items the examples of their own schema."""

    def add(schema: JsonDict, model: type[BaseModel]) -> None:
        (item,) = get_args(model.model_fields["items"].annotation)
        items = TypeAdapter(item).json_schema(mode="serialization").get("examples", [])
        schema["examples"] = [{"items": items, **fields}]

    return add


class PaginatedResponse[T](AppSchema):
    model_config = ConfigDict(
        json_schema_extra=_list_example(total=21, page=1, page_size=20, has_next=True)
    )

    items: list[T]
    total: int = Field(description="Of the whole list, under the same filters.")
    page: int
    page_size: int

    @computed_field  # type: ignore[prop-decorator] # as pydantic documents it
    @property
    def has_next(self) -> bool:
        return self.page * self.page_size < self.total


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list ordered by creation: the last row that a client has seen.

    The id breaks ties. As no row is counted, a page costs the same wherever it is, and rows that
    arrive meanwhile neither repeat nor hide one.
    """

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        text = f"{self.created_at.astimezone(UTC).isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError` for anything that `encode` did not make."""
        created_at, _, row_id = base64.urlsafe_b64decode(text).decode().partition("|")
        cursor = cls(datetime.fromisoformat(created_at), UUID(row_id))
        if cursor.encode() != text:
            raise ValueError(text)
        return cursor


EXAMPLE_CURSOR = Cursor(
    datetime(2026, 1, 31, 9, 30, tzinfo=UTC), UUID("019c1333-4f40-7c1e-9d3a-5b8e2f7a6c10")
).encode()


def _check_cursor(text: str) -> str:
    try:
        if text:
            Cursor.decode(text)
    except (ValueError, OverflowError) as exc:
        raise ValueError("Not a cursor of this list") from exc
    return text


class FeedParams(QuerySchema):
    """Which stretch of a feed."""

    cursor: Annotated[str, AfterValidator(_check_cursor)] | None = Field(
        None,
        max_length=200,
        description="`next_cursor` of the page before. Absent or empty: the first page.",
        json_schema_extra={"format": "cursor"},
    )
    limit: int = Field(20, ge=1, le=MAX_PAGE_SIZE)

    @property
    def after(self) -> Cursor | None:
        return Cursor.decode(self.cursor) if self.cursor else None


@dataclass(frozen=True, slots=True)
class Feed[T]:
    """One stretch of a list, newest first; `next_cursor` is None at the end."""

    items: Sequence[T]
    next_cursor: str | None


class FeedResponse[T](AppSchema):
    model_config = ConfigDict(json_schema_extra=_list_example(next_cursor=EXAMPLE_CURSOR))

    items: list[T]
    next_cursor: str | None = Field(description="Null at the end.")
