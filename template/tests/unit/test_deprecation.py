"""Tests of the headers that announce a deprecation (RFC 9745 and RFC 8594)."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import Depends
from starlette.requests import HTTPConnection

from app.shared.deprecation import DEPRECATION_HEADERS, Deprecation, deprecated

NEW_YEAR = date(2027, 1, 1)


async def headers_of(*args: Any, **options: Any) -> dict[bytes, bytes]:
    """Return the response headers of a route declared with `deprecated(*args, **options)`."""
    announcement = deprecated(*args, **options)["dependencies"][0].dependency
    assert isinstance(announcement, Deprecation)
    scope: dict[str, Any] = {"type": "http"}
    await announcement(HTTPConnection(scope))
    return dict(scope[DEPRECATION_HEADERS])


@pytest.mark.error_path
@pytest.mark.parametrize("sunset", [date(2026, 12, 31), datetime(2026, 12, 31, 23, tzinfo=UTC)])
def test_rejects_a_sunset_before_the_deprecation(sunset: date) -> None:
    with pytest.raises(ValueError, match="is earlier than the deprecation"):
        deprecated(NEW_YEAR, sunset=sunset)


@pytest.mark.error_path
def test_rejects_a_time_without_a_time_zone() -> None:
    naive = datetime(2027, 7, 1)  # noqa: DTZ001

    with pytest.raises(ValueError, match="has no time zone"):
        deprecated(naive)
    with pytest.raises(ValueError, match="has no time zone"):
        deprecated(NEW_YEAR, sunset=naive)


@pytest.mark.error_path
@pytest.mark.parametrize("link", ["", "two words", "a>; rel=x", "a\r\nSet-Cookie: b", "/ä"])
def test_rejects_a_link_that_is_not_a_url(link: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        deprecated(NEW_YEAR, link=link)


async def test_a_deprecation_needs_neither_a_sunset_nor_a_link() -> None:
    assert await headers_of(NEW_YEAR) == {b"deprecation": b"@1798761600"}


async def test_a_date_is_the_start_of_the_day_in_utc() -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)

    assert await headers_of(NEW_YEAR, sunset=NEW_YEAR) == await headers_of(moment, sunset=moment)


async def test_times_in_other_time_zones_are_converted_to_utc() -> None:
    moment = datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    assert await headers_of(moment, sunset=moment) == {
        b"deprecation": b"@1798761600",
        b"sunset": b"Fri, 01 Jan 2027 00:00:00 GMT",
    }


@pytest.mark.parametrize("link", ["https://example.com/a?b=c#d", "/docs", "a%20b"])
async def test_the_link_describes_the_deprecation_and_the_sunset(link: str) -> None:
    only_deprecated = await headers_of(NEW_YEAR, link=link)
    with_sunset = await headers_of(NEW_YEAR, sunset=NEW_YEAR, link=link)

    relations = f'<{link}>; rel="deprecation", <{link}>; rel="sunset"'
    assert only_deprecated[b"link"].decode() == f'<{link}>; rel="deprecation"'
    assert with_sunset[b"link"].decode() == relations


def test_other_dependencies_run_after_the_announcement() -> None:
    other = Depends(lambda: None)

    announcement, *others = deprecated(NEW_YEAR, dependencies=[other])["dependencies"]
    assert isinstance(announcement.dependency, Deprecation)
    assert others == [other]
