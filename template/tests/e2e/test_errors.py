"""One envelope, whichever layer an error comes from."""

from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI, HTTPException
from httpx2 import AsyncClient, Response

from app.config import Settings
from app.core.database import Database
from app.core.errors import AppError, ConflictError, ServiceUnavailableError, ValidationError
from app.main import create_app
from tests.support.apps import client_of, use_database
from tests.support.factories import item_data
from tests.support.failures import FailingCommit

ITEMS = "/api/v1/items"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.error_path


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

    @app.get("/internal")
    async def internal() -> None:
        raise AppError("the disk of db-7 is full", details={"host": "db-7"})

    @app.get("/gateway")
    async def gateway() -> None:
        raise HTTPException(502, "db-7 refused the password")

    @app.get("/unavailable")
    async def unavailable() -> None:
        raise ServiceUnavailableError("The printer is unavailable. Try again in a few seconds.")

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


@pytest.mark.parametrize(
    "body",
    [
        '{"title": "x"}'.encode("utf-16"),
        '{"title": "x"}'.encode("utf-16-le"),
        '{"title": "x"}'.encode("utf-16-be"),
        '{"title": "x"}'.encode("utf-32"),
        '{"title": "x"}'.encode("utf-32-be"),
        b'{"title": "\xed\xa0\x80"}',
        b'{"title": "\xc3"}',
        b'{"title": "x"}\xc3',
    ],
)
async def test_returns_400_for_what_is_not_utf8(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_enveloped(response, 400, "BAD_REQUEST")


async def test_takes_a_character_that_is_split_between_two_chunks(client: AsyncClient) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b'{"title": "\xc3'
        yield b'\xa9"}'

    response = await client.post(ITEMS, content=body(), headers=JSON)

    assert response.json()["title"] == "é"


async def test_returns_422_for_an_empty_body(client: AsyncClient) -> None:
    response = await client.post(ITEMS, content=b"", headers=JSON)

    assert_enveloped(response, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("query", ["page=%ff", "q=%ff", "q=%ed%a0%80", "%ff=1", "cursor=%ff"])
async def test_answers_a_query_that_is_not_utf8(client: AsyncClient, query: str) -> None:
    for path in (ITEMS, f"{ITEMS}/feed", f"{ITEMS}/%ff"):
        assert (await client.get(f"{path}?{query}")).status_code in {200, 422}


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


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/internal", 500, "INTERNAL_ERROR"), ("/gateway", 502, "BAD_GATEWAY")],
)
async def test_a_server_error_keeps_its_cause_from_the_client(
    failing: AsyncClient, path: str, status: int, code: str
) -> None:
    response = await failing.get(path)

    assert_enveloped(response, status, code)
    assert "db-7" not in response.text


async def test_an_outage_tells_the_client_what_to_do(failing: AsyncClient) -> None:
    response = await failing.get("/unavailable")

    assert_enveloped(response, 503, "SERVICE_UNAVAILABLE")
    assert "Try again" in response.json()["error"]["message"]
    assert int(response.headers["Retry-After"]) > 0


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
    use_database(app, FailingCommit(database))

    response = await client.post(ITEMS, json=item_data())

    assert_enveloped(response, 500, "INTERNAL_ERROR")


async def test_nothing_of_a_failed_commit_stays(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    use_database(app, FailingCommit(database))
    await client.post(ITEMS, json=item_data())
    use_database(app, database)

    assert (await client.get(ITEMS)).json()["total"] == 0
