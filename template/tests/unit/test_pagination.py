"""Tests of pagination by cursor and by page number."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.core.ids import uuid7
from app.shared.pagination import Cursor, Page, PageParams, PaginatedResponse


def test_decoding_an_encoded_cursor_returns_the_same_cursor() -> None:
    cursor = Cursor(datetime(2026, 11, 23, 1, 2, 3, 456789, UTC), uuid7())

    assert Cursor.decode(cursor.encode()) == cursor


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.error_path
@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "a",
        "é",
        "////",
        _encode("no separator"),
        _encode("2026-01-01T00:00:00+00:00|not-an-id"),
        _encode(f"yesterday|{UUID(int=1)}"),
        _encode(f"2026-01-01T00:00:00|{UUID(int=1)}"),
        _encode(f"0001-01-01T00:00:00+14:00|{UUID(int=1)}"),
        _encode(f"2026-01-01T00:00:00+00:00|{UUID(int=1)}") + "=",
    ],
)
def test_decoding_a_malformed_cursor_raises_an_error(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Cursor.decode(text)


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [(1, 0, False), (1, 20, False), (1, 21, True), (2, 21, False), (9, 21, False)],
)
def test_has_next_is_true_if_another_page_follows(page: int, total: int, *, expected: bool) -> None:
    response = PaginatedResponse[int].model_validate(Page([], total, page, 20))

    assert response.has_next is expected
    assert response.model_dump()["has_next"] is expected


def test_the_offset_is_the_number_of_rows_on_earlier_pages() -> None:
    assert PageParams(page=3, page_size=50).offset == 100
