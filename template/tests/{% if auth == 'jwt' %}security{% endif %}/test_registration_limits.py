"""Tests of the rate limit for registrations from the same client address."""

from collections.abc import AsyncGenerator
from unittest.mock import AsyncMock

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.core.database import Database
from app.main import create_app
from tests.support.apps import client_for, running_app
from tests.support.auth import CHEAP_PASSWORDS
from tests.support.factories import user_data

pytestmark = pytest.mark.error_path

USERS = "/api/v1/users"


@pytest.fixture
async def limited_app(settings: Settings, database: Database) -> AsyncGenerator[FastAPI]:
    changes = {"rate_limit_enabled": True, "rate_limit_registration": "3/hour"}
    app = create_app(settings.model_copy(update=changes))
    app.state.resources.passwords = CHEAP_PASSWORDS
    async with running_app(app, database):
        yield app


@pytest.fixture
async def limited(limited_app: FastAPI) -> AsyncGenerator[AsyncClient]:
    async with client_for(limited_app) as client:
        yield client


async def test_the_fourth_registration_gets_429_before_its_password_is_hashed(
    limited_app: FastAPI, limited: AsyncClient
) -> None:
    for _ in range(3):
        assert (await limited.post(USERS, json=user_data())).status_code == 201
    limited_app.state.resources.passwords = AsyncMock()

    response = await limited.post(USERS, json=user_data())

    assert response.status_code == 429
    assert response.json()["error"]["code"] == "RATE_LIMITED"
    assert 60 < int(response.headers["Retry-After"]) <= 3600
    limited_app.state.resources.passwords.hash.assert_not_awaited()


async def test_a_taken_address_and_a_common_password_are_counted(limited: AsyncClient) -> None:
    taken = user_data()
    bodies = [taken, taken, user_data(password="password123"), user_data()]

    statuses = [(await limited.post(USERS, json=body)).status_code for body in bodies]

    assert statuses == [201, 409, 422, 429]


async def test_an_invalid_body_is_not_counted(limited: AsyncClient) -> None:
    for _ in range(4):
        response = await limited.post(USERS, json=user_data(password="short"))
        assert response.status_code == 422

    assert (await limited.post(USERS, json=user_data())).status_code == 201


async def test_registrations_are_counted_per_client_address(limited_app: FastAPI) -> None:
    for peer in ("192.0.2.1", "192.0.2.2"):
        transport = ASGITransport(limited_app, client=(peer, 1))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            statuses = [(await client.post(USERS, json=user_data())).status_code for _ in range(4)]
        assert statuses == [201] * 3 + [429]
