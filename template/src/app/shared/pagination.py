"""Two kinds of pagination: numbered pages with a total count, and keyset pagination."""

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
# The maximum page number keeps the offset within the range of the database's 64-bit integers.
MAX_PAGE = 2**31


class PageParams(QuerySchema):
    """Query parameters for pagination by page number.

    To find the rows of a page, the database also reads the rows of all earlier pages.
    """

    page: int = Field(1, ge=1, le=MAX_PAGE, description="Page number, starting at 1.")
    page_size: int = Field(20, ge=1, le=MAX_PAGE_SIZE)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page of rows, requested by page number. `total` is the number of rows on all pages."""

    items: Sequence[T]
    total: int
    page: int
    page_size: int


def _list_example(**fields: JsonValue) -> Callable[[JsonDict, type[BaseModel]], None]:
    """Return a function that adds an example page to a JSON schema.

    The example page contains example items and the values in `fields`, such as `total`.
    """

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
    total: int = Field(description="Number of items on all pages, with the same filters.")
    page: int
    page_size: int

    @computed_field  # type: ignore[prop-decorator] # as pydantic's documentation recommends
    @property
    def has_next(self) -> bool:
        return self.page * self.page_size < self.total


@dataclass(frozen=True, slots=True)
class Cursor:
    """Position in a list that is sorted by creation time: the last row that the client received.

    Rows with the same creation time are sorted by id. With a cursor, the database does not count or
    skip rows, so every page takes the same time. Rows that are inserted between two requests cause
    no duplicates and no gaps.
    """

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        text = f"{self.created_at.astimezone(UTC).isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """Decode a cursor. Raise `ValueError` if the text is not an encoded cursor."""
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
        raise ValueError("The cursor is invalid. Use `next_cursor` of the previous page.") from exc
    return text


class FeedParams(QuerySchema):
    """Query parameters for cursor pagination."""

    cursor: Annotated[str, AfterValidator(_check_cursor)] | None = Field(
        None,
        max_length=200,
        description="`next_cursor` of the previous page. Omit it for the first page.",
        json_schema_extra={"format": "cursor"},
    )
    limit: int = Field(20, ge=1, le=MAX_PAGE_SIZE)

    @property
    def after(self) -> Cursor | None:
        return Cursor.decode(self.cursor) if self.cursor else None


@dataclass(frozen=True, slots=True)
class Feed[T]:
    """One page of cursor pagination, newest row first. `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


class FeedResponse[T](AppSchema):
    model_config = ConfigDict(json_schema_extra=_list_example(next_cursor=EXAMPLE_CURSOR))

    items: list[T]
    next_cursor: str | None = Field(description="Cursor of the next page. `null` on the last page.")
