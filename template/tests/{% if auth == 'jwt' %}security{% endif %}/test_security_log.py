"""Tests of the events in the security log, which must not contain secrets."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from structlog.contextvars import get_contextvars
from structlog.testing import LogCapture
from structlog.typing import EventDict, WrappedLogger

from app.config import Settings
from app.core.database import Database
from app.core.security import audit
from app.main import create_app
from tests.support.apps import client_for, running_app, use_database
from tests.support.auth import CHEAP_PASSWORDS
from tests.support.factories import PASSWORD, Account, user_data
from tests.support.failures import FailingCommit

TOKEN = "/api/v1/auth/token"
REFRESH = "/api/v1/auth/refresh"
USERS = "/api/v1/users"

type ReadEvents = Callable[[], list[dict[str, Any]]]


def add_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the context variables that every service binds, but none that depend on options."""
    context = get_contextvars()
    for name in context.keys() & {"request_id", "client"}:
        event.setdefault(name, context[name])
    return event


@pytest.fixture
def read_events(monkeypatch: pytest.MonkeyPatch) -> ReadEvents:
    """Return a function that reads the security events logged during the test."""
    captured = LogCapture()
    logger = structlog.wrap_logger(
        None,
        processors=[add_request, captured],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    monkeypatch.setattr(audit, "logger", logger)

    def read() -> list[dict[str, Any]]:
        assert "@" not in str(captured.entries)
        assert PASSWORD not in str(captured.entries)
        assert all(event["request_id"] for event in captured.entries)
        return [
            {name: event[name] for name in event if name not in {"log_level", "request_id"}}
            for event in map(dict, captured.entries)
        ]

    return read


@pytest.fixture
async def remote(app: FastAPI) -> AsyncGenerator[AsyncClient]:
    """An HTTP client with the IP address 192.0.2.7."""
    transport = ASGITransport(app, client=("192.0.2.7", 1))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def log_in(client: AsyncClient, account: Account, password: str = PASSWORD) -> dict[str, Any]:
    form = {"username": account.email, "password": password}
    pair: dict[str, Any] = (await client.post(TOKEN, data=form)).json()
    return pair


def event_of(account: Account, event: str, **details: str) -> dict[str, str]:
    return {"event": event, "user_id": str(account.id), "client": "192.0.2.7", **details}


async def test_a_login_is_logged(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    await log_in(remote, user)

    assert read_events() == [event_of(user, "authn_login_success")]


async def test_a_registration_is_logged(remote: AsyncClient, read_events: ReadEvents) -> None:
    created = (await remote.post(USERS, json=user_data(password=PASSWORD))).json()

    (event,) = read_events()
    assert event == {
        "event": "user_created",
        "user_id": created["id"],
        "role": "user",
        "client": "192.0.2.7",
    }


async def test_a_password_change_is_logged(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    change = {"current_password": PASSWORD, "new_password": "a brand new password"}
    await remote.put(f"{USERS}/me/password", json=change, headers={"Authorization": user.bearer})

    assert read_events() == [event_of(user, "authn_password_change")]


async def test_changes_by_an_admin_are_logged_with_the_id_of_the_admin(
    remote: AsyncClient, user: Account, admin: Account, read_events: ReadEvents
) -> None:
    remote.headers["Authorization"] = admin.bearer
    url = f"{USERS}/{user.id}"

    await remote.patch(url, json={"name": "Ann", "role": "user", "is_active": True})
    await remote.patch(url, json={"role": "admin"})
    await remote.patch(url, json={"is_active": False})
    await remote.patch(url, json={"is_active": False})
    await remote.delete(url)

    by = {"actor_id": str(admin.id)}
    assert read_events() == [
        event_of(user, "privilege_permissions_changed", old_role="user", role="admin", **by),
        event_of(user, "user_deactivated", **by),
        event_of(user, "user_deleted", **by),
    ]


async def test_deleting_ones_own_account_is_logged(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    await remote.delete(f"{USERS}/me", headers={"Authorization": user.bearer})

    assert read_events() == [event_of(user, "user_deleted")]


@pytest.mark.error_path
async def test_a_failed_login_is_logged_with_the_id_of_a_known_user(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    unknown_account = Account(user.id, "unknown@example.com", "")
    await log_in(remote, user, "not the password")
    await log_in(remote, unknown_account)

    known, unknown = read_events()
    assert known == event_of(user, "authn_login_fail")
    assert unknown == {"event": "authn_login_fail", "client": "192.0.2.7"}


@pytest.mark.error_path
async def test_the_reuse_of_a_token_is_logged_once(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    body = {"refresh_token": (await log_in(remote, user))["refresh_token"]}
    for _ in range(3):
        await remote.post(REFRESH, json=body)

    assert read_events()[1:] == [event_of(user, "authn_token_reuse")]


@pytest.mark.error_path
async def test_the_use_of_a_revoked_token_is_not_logged_as_reuse(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    body = {"refresh_token": (await log_in(remote, user))["refresh_token"]}
    await remote.post("/api/v1/auth/logout", json=body)
    await remote.post(REFRESH, json=body)

    assert read_events() == [event_of(user, "authn_login_success")]


@pytest.mark.error_path
async def test_a_forbidden_request_is_logged(
    remote: AsyncClient, user: Account, read_events: ReadEvents
) -> None:
    await remote.get(USERS, headers={"Authorization": user.bearer})

    assert read_events() == [event_of(user, "authz_fail")]


@pytest.mark.error_path
async def test_an_exceeded_rate_limit_is_logged(
    settings: Settings, database: Database, user: Account, read_events: ReadEvents
) -> None:
    app = create_app(settings.model_copy(update={"rate_limit_enabled": True}))
    app.state.resources.passwords = CHEAP_PASSWORDS
    change = {"current_password": "a wild guess", "new_password": "a brand new password"}
    async with running_app(app, database), client_for(app) as client:
        for _ in range(6):
            await log_in(client, user, "not the password")
        for _ in range(51):
            await client.put(
                f"{USERS}/me/password", json=change, headers={"Authorization": user.bearer}
            )

    locks = [event for event in read_events() if event["event"] == "authn_login_lock"]
    assert locks == [
        {"event": "authn_login_lock", "client": "127.0.0.1"},
        {"event": "authn_login_lock", "client": "127.0.0.1", "user_id": str(user.id)},
    ]


@pytest.mark.error_path
async def test_a_change_that_is_not_committed_is_not_logged(
    app: FastAPI, remote: AsyncClient, user: Account, database: Database, read_events: ReadEvents
) -> None:
    use_database(app, FailingCommit(database))
    headers = {"Authorization": user.bearer}

    for method, path, body in (
        ("POST", USERS, user_data()),
        ("DELETE", f"{USERS}/me", None),
    ):
        response = await remote.request(method, path, json=body, headers=headers)
        assert response.status_code == 500

    assert read_events() == []
