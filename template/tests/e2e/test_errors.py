"""One envelope, whichever layer an error comes from."""

from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from app.config import Settings
from app.core.database import Database
from app.core.errors import ConflictError, ValidationError
from app.dependencies import get_database
from app.main import create_app
from tests.conftest import FailingCommit, client_of
from tests.factories import item_data

ITEMS = "/api/v1/items"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.sad


def assert_enveloped(response: Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-ID"]
    assert response.json().keys() == {"error"}
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["details"], dict)


@pytest.fixture
async def failing(settings: Settings) -> AsyncGenerator[AsyncClient]:
    """A client of an application with routes that fail."""
    app = create_app(settings)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("SELECT secret FROM /srv/app")

    @app.get("/conflict")
    async def conflict() -> None:
        raise ConflictError("That name is taken.", "name")

    @app.get("/invalid")
    async def invalid() -> None:
        raise ValidationError("Wrong.", field="password")

    async with client_of(app) as client:
        yield client


async def test_returns_404_for_an_unknown_route(client: AsyncClient) -> None:
    assert_enveloped(await client.get("/nowhere"), 404, "NOT_FOUND")


async def test_returns_404_for_a_trailing_slash(client: AsyncClient) -> None:
    assert_enveloped(await client.get(f"{ITEMS}/"), 404, "NOT_FOUND")


async def test_returns_405_and_every_method_of_the_path(client: AsyncClient) -> None:
    response = await client.put(ITEMS)

    assert_enveloped(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "GET, POST"


async def test_returns_405_and_the_methods_of_a_path_with_an_id(client: AsyncClient) -> None:
    response = await client.put(f"{ITEMS}/{'0' * 32}")

    assert response.headers["Allow"] == "DELETE, GET, PATCH"


@pytest.mark.parametrize("body", [b"{", b"{'title': 1}", b"[" * 100_000, b'{"title": "\xff"}'])
async def test_returns_400_for_what_is_not_json(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_enveloped(response, 400, "BAD_REQUEST")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_returns_415_for_another_content_type(client: AsyncClient, kind: str) -> None:
    response = await client.post(ITEMS, content=b'{"title": "x"}', headers={"Content-Type": kind})

    assert_enveloped(response, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_takes_json_under_any_of_its_names(client: AsyncClient) -> None:
    kind = {"Content-Type": "application/vnd.api+json; charset=utf-8"}

    response = await client.post(ITEMS, content=b'{"title": "x"}', headers=kind)

    assert response.status_code == 201


@pytest.mark.parametrize("body", [rb'{"title": "\ud800"}', rb'{"title": "x", "\ud800": 1}'])
async def test_returns_422_for_what_no_text_can_carry(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_enveloped(response, 422, "VALIDATION_ERROR")


async def test_answers_a_flood_of_errors_with_a_few(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json={f"field{n}": n for n in range(5000)})

    assert len(response.json()["error"]["details"]["errors"]) == 100


async def test_never_repeats_the_input(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json={"title": "x" * 201, "password": "hunter2"})

    assert "hunter2" not in response.text
    assert "xxx" not in response.text


async def test_returns_413_for_a_declared_length(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json=item_data(description="x" * 2_000_000))

    assert_enveloped(response, 413, "PAYLOAD_TOO_LARGE")


async def test_returns_413_for_an_undeclared_length(client: AsyncClient) -> None:
    async def flood() -> AsyncGenerator[bytes]:
        for _ in range(40):
            yield b" " * 64 * 1024

    response = await client.post(ITEMS, content=flood(), headers=JSON)

    assert_enveloped(response, 413, "PAYLOAD_TOO_LARGE")


async def test_returns_400_for_an_unknown_host(client: AsyncClient) -> None:
    response = await client.get(ITEMS, headers={"Host": "evil.example"})

    assert_enveloped(response, 400, "BAD_REQUEST")


async def test_returns_500_and_nothing_of_the_cause(failing: AsyncClient) -> None:
    response = await failing.get("/crash")

    assert_enveloped(response, 500, "INTERNAL_ERROR")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text


async def test_a_crash_may_be_read_by_an_allowed_origin(failing: AsyncClient) -> None:
    response = await failing.get("/crash", headers={"Origin": "https://app.example.com"})

    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


async def test_an_error_of_ours_keeps_its_details(failing: AsyncClient) -> None:
    response = await failing.get("/conflict")

    assert_enveloped(response, 409, "CONFLICT")
    assert response.json()["error"]["details"] == {"field": "name"}


async def test_a_rule_below_the_router_names_its_field_too(failing: AsyncClient) -> None:
    response = await failing.get("/invalid")

    assert_enveloped(response, 422, "VALIDATION_ERROR")
    assert response.json()["error"]["details"]["errors"] == [
        {"field": "password", "message": "Wrong.", "type": "value_error"}
    ]


async def test_a_commit_that_fails_is_never_followed_by_a_2xx(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    app.dependency_overrides[get_database] = lambda: FailingCommit(database)

    response = await client.post(ITEMS, json=item_data())

    assert_enveloped(response, 500, "INTERNAL_ERROR")


async def test_nothing_of_a_failed_commit_stays(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    app.dependency_overrides[get_database] = lambda: FailingCommit(database)
    await client.post(ITEMS, json=item_data())
    app.dependency_overrides[get_database] = lambda: database

    assert (await client.get(ITEMS)).json()["total"] == 0
