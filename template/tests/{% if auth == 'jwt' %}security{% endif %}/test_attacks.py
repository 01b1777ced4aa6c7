"""Tests of attacks: injection, enumeration of users, leaked secrets and oversized bodies."""

import json
import time
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from app.config import Settings
from app.core.database import Database
from app.core.security import Passwords
from app.main import create_app
from tests.support.apps import client_for, resources_of, running_app
from tests.support.factories import PASSWORD, Account, item_data, user_data
from tests.unit.test_logging import logged

pytestmark = pytest.mark.error_path

ITEMS = "/api/v1/items"
TOKEN = "/api/v1/auth/token"

INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE items; --",
    '" OR ""="',
    "1) UNION SELECT password_hash FROM users --",
    "%' OR title LIKE '%",
    "{{ 7 * 7 }}",
    "${jndi:ldap://x}",
    "\\'; SELECT pg_sleep(10); --",
]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_injected_code_is_stored_and_searched_as_text(client: AsyncClient, text: str) -> None:
    item = (await client.post(ITEMS, json=item_data(title=text))).json()
    await client.post(ITEMS, json=item_data(title="another"))

    found = (await client.get(ITEMS, params={"q": text})).json()

    assert item["title"] == text
    assert [row["id"] for row in found["items"]] == [item["id"]]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_injected_code_in_a_login_gets_401(
    anonymous: AsyncClient, user: Account, text: str
) -> None:
    form = {"username": f"{user.email}{text}"[:254], "password": text}

    assert (await anonymous.post(TOKEN, data=form)).status_code == 401


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nSet-Cookie: s=1", "a%0d%0aX-Evil:%201"])
async def test_a_line_break_in_a_header_injects_no_header(client: AsyncClient, value: str) -> None:
    response = await client.get("/health", headers={b"X-Request-ID": value.encode()})

    assert "X-Evil" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert "\n" not in response.headers["X-Request-ID"]


async def test_the_time_of_a_login_does_not_reveal_whether_a_user_exists(
    app: FastAPI, anonymous: AsyncClient
) -> None:
    # Use the production hash cost, because a cheaper hash takes too little time to measure.
    app.state.resources.passwords = Passwords()
    known_user = user_data()
    await anonymous.post("/api/v1/users", json=known_user)
    known, *unknown = names = [
        known_user["email"],
        "no@example.com",
        "not an address",
        "No <no@example.com>",
    ]

    async def cpu_seconds(username: str) -> float:
        """Return the CPU time that a failed login takes, in seconds.

        Other processes affect the elapsed time, but not the CPU time.
        """
        started = time.process_time()
        form = {"username": username, "password": "not the password"}
        assert (await anonymous.post(TOKEN, data=form)).status_code == 401
        return time.process_time() - started

    await cpu_seconds(known)
    seconds = {name: min([await cpu_seconds(name) for _ in range(3)]) for name in names}

    for name in unknown:
        assert 0.5 < seconds[known] / seconds[name] < 2, name


async def test_no_secret_is_in_the_log_or_in_an_error(
    settings: Settings, client: AsyncClient, user: Account
) -> None:
    with logged(settings, log_level="debug") as output:
        form = {"username": user.email, "password": PASSWORD}
        pair = (await client.post(TOKEN, data=form)).json()
        body = {"refresh_token": pair["refresh_token"]}
        responses = [
            await client.post("/api/v1/auth/refresh", json=body),
            await client.post("/api/v1/auth/refresh", json=body),
            await client.post("/api/v1/users", json=user_data(email=user.email)),
            await client.post("/api/v1/users", json=user_data(role="admin")),
            await client.post(TOKEN, json=form),
        ]
    errors = "".join(it.text for it in responses if it.status_code >= 400)
    visible = output.getvalue().decode() + errors

    assert [response.status_code for response in responses] == [200, 401, 409, 422, 422]
    for secret in (
        PASSWORD,
        user.access_token,
        pair["access_token"],
        pair["refresh_token"],
        settings.jwt_secret.get_secret_value(),
        "$argon2id$",
    ):
        assert secret not in visible


def test_repr_does_not_contain_a_secret(settings: Settings, app: FastAPI) -> None:
    secret = settings.jwt_secret.get_secret_value()

    resources = resources_of(app)
    for value in (settings, settings.model_dump(), resources.tokens, resources.passwords):
        assert secret not in repr(value)


async def test_a_body_of_two_megabytes_gets_413(anonymous: AsyncClient) -> None:
    body: dict[str, Any] = user_data(password="x" * 2_000_000)

    assert (await anonymous.post("/api/v1/users", json=body)).status_code == 413


async def test_the_log_of_a_request_contains_the_user_id(
    settings: Settings, database: Database, user: Account
) -> None:
    with logged(settings, log_level="info") as output:
        # Do not let `create_app` configure logging again, because the log must go to `output`.
        with patch("app.main.configure_logging"):
            app = create_app(settings)
        async with running_app(app, database), client_for(app) as client:
            await client.get("/api/v1/users/me", headers={"Authorization": user.bearer})
            await client.get("/api/v1/users/me")

    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    known, unknown = [line for line in lines if line["event"] == "request_completed"]
    assert known["user_id"] == str(user.id)
    assert "user_id" not in unknown
