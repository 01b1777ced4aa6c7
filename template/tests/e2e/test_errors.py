"""Tests of error responses: every layer of the service uses the same JSON envelope."""

from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI, HTTPException
from httpx2 import AsyncClient, Response

from app.config import Settings
from app.core.database import Database
from app.core.errors import AppError, ConflictError, ServiceUnavailableError, ValidationError
from app.main import create_app
from tests.support.apps import client_for, use_database
from tests.support.factories import item_data
from tests.support.failures import FailingCommit

ITEMS = "/api/v1/items"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.error_path


def assert_error_envelope(response: Response, status: int, code: str) -> None:
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
async def failing_client(settings: Settings) -> AsyncGenerator[AsyncClient]:
    """An HTTP client for an application whose routes raise errors."""
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
        raise ServiceUnavailableError("The backend is unavailable. Try again in a few seconds.")

    async with client_for(app) as client:
        yield client


async def test_returns_404_for_an_unknown_route(client: AsyncClient) -> None:
    assert_error_envelope(await client.get("/nowhere"), 404, "NOT_FOUND")


async def test_returns_404_for_a_trailing_slash(client: AsyncClient) -> None:
    assert_error_envelope(await client.get(f"{ITEMS}/"), 404, "NOT_FOUND")


async def test_returns_405_with_every_method_of_the_path_in_allow(client: AsyncClient) -> None:
    response = await client.put(ITEMS)

    assert_error_envelope(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "GET, POST"


async def test_returns_405_with_the_methods_of_a_path_that_contains_an_id(
    client: AsyncClient,
) -> None:
    response = await client.put(f"{ITEMS}/{'0' * 32}")

    assert response.headers["Allow"] == "DELETE, GET, PATCH"


@pytest.mark.parametrize("body", [b"{", b"{'title': 1}", b"[" * 100_000, b'{"title": "\xff"}'])
async def test_returns_400_for_a_body_that_is_not_json(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_error_envelope(response, 400, "BAD_REQUEST")


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
async def test_returns_400_for_a_body_that_is_not_utf8(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_error_envelope(response, 400, "BAD_REQUEST")


async def test_accepts_a_character_that_is_split_between_two_chunks(client: AsyncClient) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b'{"title": "\xc3'
        yield b'\xa9"}'

    response = await client.post(ITEMS, content=body(), headers=JSON)

    assert response.json()["title"] == "é"


async def test_returns_422_for_an_empty_body(client: AsyncClient) -> None:
    response = await client.post(ITEMS, content=b"", headers=JSON)

    assert_error_envelope(response, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("query", ["page=%ff", "q=%ff", "q=%ed%a0%80", "%ff=1", "cursor=%ff"])
async def test_a_query_that_is_not_utf8_causes_no_server_error(
    client: AsyncClient, query: str
) -> None:
    for path in (ITEMS, f"{ITEMS}/feed", f"{ITEMS}/%ff"):
        assert (await client.get(f"{path}?{query}")).status_code in {200, 422}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_returns_415_for_another_content_type(client: AsyncClient, kind: str) -> None:
    response = await client.post(ITEMS, content=b'{"title": "x"}', headers={"Content-Type": kind})

    assert_error_envelope(response, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_accepts_a_content_type_with_the_suffix_json(client: AsyncClient) -> None:
    kind = {"Content-Type": "application/vnd.api+json; charset=utf-8"}

    response = await client.post(ITEMS, content=b'{"title": "x"}', headers=kind)

    assert response.status_code == 201


@pytest.mark.parametrize("body", [rb'{"title": "\ud800"}', rb'{"title": "x", "\ud800": 1}'])
async def test_returns_422_for_an_unpaired_surrogate(client: AsyncClient, body: bytes) -> None:
    response = await client.post(ITEMS, content=body, headers=JSON)

    assert_error_envelope(response, 422, "VALIDATION_ERROR")


async def test_returns_at_most_100_validation_errors(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json={f"field{n}": n for n in range(5000)})

    assert len(response.json()["error"]["details"]["errors"]) == 100


async def test_validation_errors_do_not_contain_the_input(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json={"title": "x" * 201, "password": "hunter2"})

    assert "hunter2" not in response.text
    assert "xxx" not in response.text


async def test_returns_413_if_the_declared_length_exceeds_the_limit(client: AsyncClient) -> None:
    response = await client.post(ITEMS, json=item_data(description="x" * 2_000_000))

    assert_error_envelope(response, 413, "PAYLOAD_TOO_LARGE")


async def test_returns_413_if_a_streamed_body_exceeds_the_limit(client: AsyncClient) -> None:
    async def large_body() -> AsyncGenerator[bytes]:
        for _ in range(40):
            yield b" " * 64 * 1024

    response = await client.post(ITEMS, content=large_body(), headers=JSON)

    assert_error_envelope(response, 413, "PAYLOAD_TOO_LARGE")


async def test_returns_400_for_an_unknown_host(client: AsyncClient) -> None:
    response = await client.get(ITEMS, headers={"Host": "evil.example"})

    assert_error_envelope(response, 400, "BAD_REQUEST")


async def test_returns_500_without_the_cause(failing_client: AsyncClient) -> None:
    response = await failing_client.get("/crash")

    assert_error_envelope(response, 500, "INTERNAL_ERROR")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/internal", 500, "INTERNAL_ERROR"), ("/gateway", 502, "BAD_GATEWAY")],
)
async def test_a_server_error_does_not_contain_its_cause(
    failing_client: AsyncClient, path: str, status: int, code: str
) -> None:
    response = await failing_client.get(path)

    assert_error_envelope(response, status, code)
    assert "db-7" not in response.text


async def test_returns_503_with_advice_and_retry_after_if_a_server_is_unavailable(
    failing_client: AsyncClient,
) -> None:
    response = await failing_client.get("/unavailable")

    assert_error_envelope(response, 503, "SERVICE_UNAVAILABLE")
    assert "Try again" in response.json()["error"]["message"]
    assert int(response.headers["Retry-After"]) > 0


async def test_a_500_response_has_cors_headers_for_an_allowed_origin(
    failing_client: AsyncClient,
) -> None:
    response = await failing_client.get("/crash", headers={"Origin": "https://app.example.com"})

    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


async def test_an_app_error_keeps_its_details(failing_client: AsyncClient) -> None:
    response = await failing_client.get("/conflict")

    assert_error_envelope(response, 409, "CONFLICT")
    assert response.json()["error"]["details"] == {"field": "name"}


async def test_a_validation_error_from_a_service_names_its_field(
    failing_client: AsyncClient,
) -> None:
    response = await failing_client.get("/invalid")

    assert_error_envelope(response, 422, "VALIDATION_ERROR")
    assert response.json()["error"]["details"]["errors"] == [
        {"field": "password", "message": "Wrong.", "type": "value_error"}
    ]


async def test_returns_500_if_the_commit_fails(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    use_database(app, FailingCommit(database))

    response = await client.post(ITEMS, json=item_data())

    assert_error_envelope(response, 500, "INTERNAL_ERROR")


async def test_a_failed_commit_stores_nothing(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    use_database(app, FailingCommit(database))
    await client.post(ITEMS, json=item_data())
    use_database(app, database)

    assert (await client.get(ITEMS)).json()["total"] == 0
