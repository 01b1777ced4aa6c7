"""Tests of rate limits: a client that exceeds its limit receives 429 with `Retry-After`."""

from collections.abc import AsyncGenerator

import pytest
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.core.database import Database
from app.main import create_app
from tests.support.apps import client_for, running_app

pytestmark = pytest.mark.error_path

ITEMS = "/api/v1/items"


@pytest.fixture
async def limited_client(settings: Settings, database: Database) -> AsyncGenerator[AsyncClient]:
    """An HTTP client for an application that allows each client three requests per minute."""
    changes = {"rate_limit_enabled": True, "rate_limit_default": "3/minute"}
    app = create_app(settings.model_copy(update=changes))
    async with running_app(app, database), client_for(app) as client:
        yield client


async def test_returns_429_with_retry_after_above_the_limit(limited_client: AsyncClient) -> None:
    for _ in range(3):
        assert (await limited_client.get(ITEMS)).status_code != 429

    response = await limited_client.get(ITEMS)

    assert response.status_code == 429
    assert response.json()["error"]["code"] == "RATE_LIMITED"
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["RateLimit-Limit"] == "3"
    assert response.headers["RateLimit-Remaining"] == "0"
    assert response.headers["RateLimit-Reset"] == response.headers["Retry-After"]
    assert response.headers["X-Request-ID"]


async def test_every_api_route_is_limited(limited_client: AsyncClient) -> None:
    document = (await limited_client.get("/openapi.json")).json()
    for _ in range(2):
        await limited_client.get(ITEMS)

    for path, operations in document["paths"].items():
        if not path.startswith("/api/"):
            continue
        for method in operations:
            response = await limited_client.request(
                method.upper(), path.replace("{", "").replace("}", "")
            )
            assert response.status_code == 429, f"{method} {path}"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/nowhere", ""),
        ("PUT", ITEMS, ""),
        ("POST", ITEMS, "{"),
        ("POST", ITEMS, "[]"),
        ("GET", f"{ITEMS}/no-id", ""),
        ("OPTIONS", ITEMS, ""),
        ("GET", "/docs", ""),
    ],
)
async def test_failed_requests_count_against_the_limit(
    limited_client: AsyncClient, method: str, path: str, body: str
) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in range(3):
        response = await limited_client.request(method, path, content=body, headers=headers)
        assert response.status_code != 429

    response = await limited_client.request(method, path, content=body, headers=headers)

    assert response.status_code == 429


async def test_the_body_of_a_rejected_request_is_not_read(limited_client: AsyncClient) -> None:
    for _ in range(3):
        await limited_client.get(ITEMS)

    read: list[bytes] = []

    async def body() -> AsyncGenerator[bytes]:
        read.append(b"{}")
        yield read[-1]

    assert (await limited_client.post(ITEMS, content=body())).status_code == 429
    assert read == []


async def test_a_429_response_has_cors_headers_for_an_allowed_origin(
    limited_client: AsyncClient,
) -> None:
    origin = {"Origin": "https://app.example.com"}
    for _ in range(3):
        await limited_client.get(ITEMS)

    response = await limited_client.get(ITEMS, headers=origin)

    assert response.status_code == 429
    assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]


async def test_preflight_requests_count_against_the_limit(limited_client: AsyncClient) -> None:
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    for _ in range(3):
        assert (await limited_client.options(ITEMS, headers=headers)).status_code == 200

    rejected = await limited_client.options(ITEMS, headers=headers)

    assert rejected.status_code == 429
    assert rejected.headers["Access-Control-Allow-Origin"] == headers["Origin"]


async def test_other_methods_on_a_probe_count_against_the_limit(
    limited_client: AsyncClient,
) -> None:
    for _ in range(3):
        assert (await limited_client.post("/health")).status_code == 405

    assert (await limited_client.post("/health")).status_code == 429


async def test_the_probes_are_not_limited(limited_client: AsyncClient) -> None:
    for _ in range(5):
        assert (await limited_client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
async def test_clients_are_counted_by_ipv4_address_or_ipv6_64_network(
    settings: Settings, database: Database, first: str, second: str, *, shared: bool
) -> None:
    changes = {"rate_limit_enabled": True, "rate_limit_default": "1/minute"}
    app = create_app(settings.model_copy(update=changes))

    async def limited_from(address: str) -> bool:
        transport = ASGITransport(app, client=(address, 1234))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(ITEMS)).status_code == 429

    async with running_app(app, database):
        assert not await limited_from(first)
        assert await limited_from(second) is shared
