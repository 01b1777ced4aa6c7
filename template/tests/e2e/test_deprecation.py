"""Tests of the response headers and the OpenAPI operations of deprecated routes."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from httpx2 import AsyncClient, Response

from app.config import Settings
from app.core.errors import ConflictError, NotFoundError
from app.main import create_app
from app.shared.deprecation import deprecated
from tests.support.apps import client_for

HEADERS = {
    "Deprecation": "@1798761600",
    "Sunset": "Thu, 01 Jul 2027 00:00:00 GMT",
    "Link": '<https://example.com/v2>; rel="deprecation", <https://example.com/v2>; rel="sunset"',
}
ANNOUNCEMENT: dict[str, Any] = {
    "on": date(2027, 1, 1),
    "sunset": date(2027, 7, 1),
    "link": "https://example.com/v2",
}
JSON = {"Content-Type": "application/json"}

routes = APIRouter(prefix="/numbers")


async def refuse() -> None:
    raise ConflictError


@routes.get("/{number}", **deprecated(**ANNOUNCEMENT))
async def get_number(number: int) -> int:
    if number == 404:
        raise NotFoundError("Number", number)
    if number == 500:
        raise RuntimeError
    return number


@routes.post("/{number}", **deprecated(**ANNOUNCEMENT))
async def post_number(number: int, body: dict[str, int]) -> None: ...


@routes.put("/{number}", **deprecated(**ANNOUNCEMENT, dependencies=[Depends(refuse)]))
async def put_number(number: int) -> None: ...


@routes.patch("/{number}", dependencies=[Depends(refuse)])
async def patch_number(number: int) -> None: ...


@routes.delete("/{number}")
async def delete_number(number: int) -> None: ...


included = APIRouter()


@included.get("/included")
async def get_included() -> None: ...


@included.get("/earlier", **deprecated(date(2026, 1, 1)))
async def get_earlier() -> None: ...


whole_version = APIRouter(prefix="/old", **deprecated(**ANNOUNCEMENT))
whole_version.include_router(included)


@pytest.fixture(scope="module")
def api(settings: Settings) -> FastAPI:
    app = create_app(settings)
    app.include_router(routes)
    app.include_router(whole_version)
    return app


@pytest.fixture
async def client(api: FastAPI) -> AsyncGenerator[AsyncClient]:
    async with client_for(api) as client:
        yield client


def announcement(response: Response) -> dict[str, str]:
    """Return those headers of the response that announce a deprecation."""
    return {name: value for name in HEADERS if (value := response.headers.get(name)) is not None}


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/numbers/404", 404),
        ("PUT", "/numbers/1", 409),
        ("POST", "/numbers/1", 422),
        ("GET", "/numbers/one", 422),
        ("GET", "/numbers/500", 500),
    ],
)
async def test_error_responses_announce_the_deprecation(
    client: AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)

    assert (response.status_code, announcement(response)) == (status, HEADERS)


@pytest.mark.error_path
async def test_a_body_that_is_not_json_is_rejected_before_the_announcement(
    client: AsyncClient,
) -> None:
    response = await client.post("/numbers/1", content="{", headers=JSON)

    assert (response.status_code, announcement(response)) == (400, {})


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PATCH", "/numbers/1", 409), ("TRACE", "/numbers/1", 405), ("GET", "/numbers", 404)],
)
async def test_errors_of_other_routes_announce_no_deprecation(
    client: AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)

    assert (response.status_code, announcement(response)) == (status, {})


async def test_only_deprecated_routes_announce_a_deprecation(client: AsyncClient) -> None:
    deprecated, other = await client.get("/numbers/1"), await client.delete("/numbers/1")

    assert (deprecated.json(), announcement(deprecated)) == (1, HEADERS)
    assert (other.status_code, announcement(other)) == (200, {})


async def test_all_routes_of_a_deprecated_router_announce_the_deprecation(
    client: AsyncClient,
) -> None:
    assert announcement(await client.get("/old/included")) == HEADERS


async def test_the_deprecation_of_a_route_replaces_that_of_its_router(client: AsyncClient) -> None:
    assert announcement(await client.get("/old/earlier")) == {"Deprecation": "@1767225600"}


async def test_scripts_of_other_origins_may_read_the_announcement(client: AsyncClient) -> None:
    response = await client.get("/numbers/1", headers={"Origin": "https://app.example.com"})

    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert HEADERS.keys() <= set(exposed)


def test_openapi_marks_exactly_the_deprecated_operations(api: FastAPI) -> None:
    marked = {
        f"{method} {path}"
        for path, operations in api.openapi()["paths"].items()
        for method, operation in operations.items()
        if operation.get("deprecated")
    }

    assert marked == {
        "get /numbers/{number}",
        "post /numbers/{number}",
        "put /numbers/{number}",
        "get /old/included",
        "get /old/earlier",
    }
