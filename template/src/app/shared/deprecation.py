"""Marks routes as deprecated in responses, in the OpenAPI document and in the log."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import TypedDict

from fastapi import Depends, params
from starlette.requests import HTTPConnection
from structlog.contextvars import bind_contextvars

DEPRECATION_HEADERS = "app.deprecation_headers"
"""Key in the ASGI scope under which `Deprecation` stores a list of response headers."""

URI_REFERENCE = re.compile(r"[\w.~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)


class RouteOptions(TypedDict):
    """Arguments of `APIRouter` and of its methods such as `get`."""

    deprecated: bool
    dependencies: list[params.Depends]


class Deprecation:
    """A dependency that runs before all other dependencies of a deprecated route.

    A dependency cannot add headers to an error response. Therefore, this dependency stores the
    headers in the ASGI scope, and `RequestContextMiddleware` adds them to the response.
    """

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = headers

    async def __call__(self, connection: HTTPConnection) -> None:
        connection.scope[DEPRECATION_HEADERS] = self._headers
        bind_contextvars(deprecated=True)


def deprecated(
    on: date | datetime,
    *,
    sunset: date | datetime | None = None,
    link: str | None = None,
    dependencies: Iterable[params.Depends] = (),
) -> RouteOptions:
    """Return the arguments that mark a route, or all routes of an `APIRouter`, as deprecated.

    `on` is the time at which the routes become deprecated (RFC 9745). `sunset` is the earliest time
    at which the routes may be removed (RFC 8594). A date without a time means the start of that day
    in UTC. `link` is the URL of a page that describes how clients can migrate. `dependencies` are
    the other dependencies of the route or router. Pass them to `deprecated`, not to the route or
    router, because the returned arguments already include `dependencies`.

    Raise `ValueError` if `sunset` is earlier than `on`, if a time has no time zone, or if `link`
    contains a character that is not allowed in a URL.
    """
    start = _in_utc(on)
    headers = [("deprecation", f"@{int(start.timestamp())}")]
    relations = ["deprecation"]
    if sunset is not None:
        end = _in_utc(sunset)
        if end < start:
            raise ValueError(f"The sunset, {end}, is earlier than the deprecation, {start}.")
        headers.append(("sunset", format_datetime(end, usegmt=True)))
        relations.append("sunset")
    if link is not None:
        if not URI_REFERENCE.fullmatch(link):
            raise ValueError(f"The link {link!r} is not a URL. Percent-encode unsafe characters.")
        links = [f'<{link}>; rel="{relation}"' for relation in relations]
        headers.append(("link", ", ".join(links)))
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    return {"deprecated": True, "dependencies": [Depends(Deprecation(encoded)), *dependencies]}


def _in_utc(moment: date | datetime) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    if moment.utcoffset() is None:
        raise ValueError(f"The time {moment} has no time zone. Use a date, or add `tzinfo=UTC`.")
    return moment.astimezone(UTC)
