"""Tests of the rate limits for logins and password changes."""

from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.core.database import Database
from app.main import create_app
from tests.e2e.test_users import SPELLINGS
from tests.support.apps import running_app
from tests.support.auth import CHEAP_PASSWORDS
from tests.support.factories import Account

pytestmark = pytest.mark.error_path

TOKEN = "/api/v1/auth/token"


@pytest.fixture
async def limited_app(settings: Settings, database: Database) -> AsyncGenerator[FastAPI]:
    changes = {"rate_limit_enabled": True, "trusted_proxies": ["127.0.0.1"]}
    app = create_app(settings.model_copy(update=changes))
    app.state.resources.passwords = CHEAP_PASSWORDS
    async with running_app(app, database):
        yield app


@pytest.fixture
async def limited(limited_app: FastAPI) -> AsyncGenerator[AsyncClient]:
    transport = ASGITransport(limited_app)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def attempt(
    client: AsyncClient, username: str, password: str = "wrong", **headers: str
) -> int:
    form = {"username": username, "password": password}
    return (await client.post(TOKEN, data=form, headers=headers)).status_code


async def test_the_sixth_attempt_on_one_account_gets_429(
    limited: AsyncClient, user: Account
) -> None:
    assert [await attempt(limited, user.email) for _ in range(6)] == [401] * 5 + [429]


async def test_the_right_password_gets_429_after_five_attempts(
    limited: AsyncClient, user: Account
) -> None:
    for _ in range(5):
        await attempt(limited, user.email)

    assert await attempt(limited, user.email, user.password) == 429


async def test_attempts_with_other_spellings_of_an_address_are_counted_together(
    limited: AsyncClient,
) -> None:
    assert [await attempt(limited, spelling) for spelling in SPELLINGS] == [401] * 5 + [429]


async def test_a_username_that_is_not_an_address_is_counted(limited: AsyncClient) -> None:
    assert [await attempt(limited, "Ann <ann@b>") for _ in range(6)] == [401] * 5 + [429]


async def test_another_account_can_still_log_in(limited: AsyncClient, user: Account) -> None:
    for _ in range(6):
        await attempt(limited, "other@example.com")

    assert await attempt(limited, user.email, user.password) == 200


async def test_attempts_on_all_accounts_are_limited_to_ten_times_the_rate(
    limited: AsyncClient,
) -> None:
    for number in range(50):
        assert await attempt(limited, f"user{number}@example.com") == 401

    assert await attempt(limited, "user50@example.com") == 429


async def test_attempts_from_another_client_address_are_counted_separately(
    limited_app: FastAPI, user: Account
) -> None:
    for peer, expected in (("192.0.2.1", 429), ("192.0.2.2", 401)):
        transport = ASGITransport(limited_app, client=(peer, 1))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            statuses = [
                await attempt(client, user.email) for _ in range(6 if expected == 429 else 1)
            ]
        assert statuses[-1] == expected


async def test_x_forwarded_for_of_an_untrusted_peer_is_ignored(
    limited_app: FastAPI, user: Account
) -> None:
    transport = ASGITransport(limited_app, client=("192.0.2.1", 1))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        statuses = [
            await attempt(client, user.email, **{"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(6)
        ]

    assert statuses[-1] == 429


async def test_guesses_of_the_current_password_with_a_stolen_token_are_limited(
    limited: AsyncClient, user: Account
) -> None:
    body = {"current_password": "a wild guess", "new_password": "a brand new password"}
    headers = {"Authorization": user.bearer}

    statuses = [
        (await limited.put("/api/v1/users/me/password", json=body, headers=headers)).status_code
        for _ in range(51)
    ]

    assert statuses == [422] * 50 + [429]
