"""Lists the routes of an OpenAPI document for the benchmark, and prepares requests for them."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import httpx2

ROWS = 200
"""Number of rows that each POST route creates before the first measurement."""

PROBE_TIMEOUT = 10.0
"""Seconds that a route may take to answer the first request."""

type Headers = dict[str, str]


class NotMeasuredError(Exception):
    """Raised if a route cannot be measured. The message states the reason."""


@dataclass(frozen=True)
class Route:
    """A GET route, or a POST route that creates a row."""

    method: str
    path: str
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def matches(self, patterns: list[str]) -> bool:
        """Return true if the route matches one of the patterns, or if there are no patterns.

        Examples of patterns are `*/items*` and `GET *`.
        """
        names = (str(self), self.path)
        return not patterns or any(fnmatch(name, p) for name in names for p in patterns)


def find_routes(document: dict[str, Any]) -> list[Route]:
    """Return the GET routes of an OpenAPI document, followed by the POST routes that create rows.

    The routes that create rows are last, because more rows make some GET routes slower.
    """
    return sorted(_routes(document), key=lambda route: route.method)


def _routes(document: dict[str, Any]) -> Iterator[Route]:
    for path, operations in document["paths"].items():
        if "get" in operations:
            yield Route("GET", path)
        creates = operations.get("post", {})
        content = creates.get("requestBody", {}).get("content", {}).get("application/json")
        if "201" in creates.get("responses", {}) and content and "{" not in path:
            schema = content["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            schema = document.get("components", {}).get("schemas", {}).get(name, schema)
            for example in schema.get("examples", [])[:1]:
                yield Route("POST", path, json.dumps(example).encode())


class Api:
    """An API client that stores the request headers of several users."""

    def __init__(self, client: httpx2.AsyncClient, users: list[Headers]) -> None:
        self._client, self._users = client, users

    async def call(
        self, method: str, path: str, body: bytes = b""
    ) -> tuple[httpx2.Response, Headers]:
        """Send a request as the first user with access.

        Return the response and the headers of the request.
        """
        headers: Headers = {}
        for user in self._users:
            headers = user | ({"Content-Type": "application/json"} if body else {})
            async with asyncio.timeout(PROBE_TIMEOUT):
                response = await self._client.request(method, path, content=body, headers=headers)
            if response.status_code not in {401, 403}:
                break
        return response, headers

    async def create_rows(self, routes: list[Route]) -> None:
        """Send the example of each POST route `ROWS` times, or until the route rejects it."""
        for route in routes:
            for _ in range(ROWS if route.method == "POST" else 0):
                response, _ = await self.call(route.method, route.path, route.body)
                if not response.is_success:
                    break

    async def requests(self, route: Route) -> list[bytes]:
        """Return requests for a route, one for each row if the path contains an id.

        Raises `NotMeasuredError` if the service rejects the request.
        """
        try:
            paths = await self._paths(route)
            response, headers = await self.call(route.method, paths[0], route.body)
        except TimeoutError as exc:
            raise NotMeasuredError(f"no complete response within {PROBE_TIMEOUT:.0f} s") from exc
        if 300 <= response.status_code < 500:
            raise NotMeasuredError(f"the first response has status {response.status_code}")
        return [_request(route, path, headers) for path in paths]

    async def _paths(self, route: Route) -> list[str]:
        collection, _, rest = route.path.partition("/{")
        after = rest.partition("}")[2]
        if not rest:
            return [route.path]
        if "{" in after:
            raise NotMeasuredError("the path has several parameters")
        response, _ = await self.call("GET", collection)
        if ids := _ids(response):
            return [f"{collection}/{each}{after}" for each in ids]
        raise NotMeasuredError(f"GET {collection} returns no ids")


def _ids(response: httpx2.Response) -> list[str]:
    if not response.is_success:
        return []
    body = response.json()
    rows = body.get("items", []) if isinstance(body, dict) else body
    return [str(row["id"]) for row in rows if "id" in row]


def _request(route: Route, path: str, headers: Headers) -> bytes:
    lines = [
        f"{route.method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(route.body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + route.body
