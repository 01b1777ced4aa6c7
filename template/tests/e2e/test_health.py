"""Tests of the `/health` and `/ready` probes."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from app import health
from tests.support.apps import client_for, use_database
from tests.support.factories import item_data
from tests.support.failures import UnavailableDatabase


@pytest.fixture
async def client_without_database(app: FastAPI) -> AsyncGenerator[AsyncClient]:
    use_database(app, UnavailableDatabase())
    async with client_for(app) as client:
        yield client


async def test_health_returns_ok(client: AsyncClient) -> None:
    response = await client.get("/health")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_returns_200_while_the_database_answers(client: AsyncClient) -> None:
    response = await client.get("/ready")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert response.json()["checks"]["database"] == "ok"


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_answer_head_requests(client: AsyncClient, path: str) -> None:
    response = await client.head(path)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.error_path
async def test_health_returns_405_with_the_allowed_methods(client: AsyncClient) -> None:
    response = await client.post("/health")

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.error_path
async def test_ready_answers_head_with_503_while_the_database_is_unavailable(
    client_without_database: AsyncClient,
) -> None:
    assert (await client_without_database.head("/ready")).status_code == 503


@pytest.mark.error_path
async def test_health_returns_200_while_the_database_is_unavailable(
    client_without_database: AsyncClient,
) -> None:
    assert (await client_without_database.get("/health")).status_code == 200


@pytest.mark.error_path
async def test_ready_returns_503_while_the_database_is_unavailable(
    client_without_database: AsyncClient,
) -> None:
    response = await client_without_database.get("/ready")

    assert response.status_code == 503
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["database"] == "error"


@pytest.mark.error_path
async def test_ready_returns_503_within_its_timeout_if_the_database_hangs(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.05)
    use_database(app, UnavailableDatabase(seconds=60))

    async with client_for(app) as client, asyncio.timeout(1):
        assert (await client.get("/ready")).status_code == 503


@pytest.mark.error_path
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_requests_return_503_with_retry_after_while_the_database_is_unavailable(
    client_without_database: AsyncClient, method: str
) -> None:
    json = item_data() if method == "POST" else None

    response = await client_without_database.request(method, "/api/v1/items", json=json)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert int(response.headers["Retry-After"]) > 0
