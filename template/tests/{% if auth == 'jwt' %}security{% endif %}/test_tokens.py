"""Tests that requests with forged, tampered, expired or misused tokens get 401."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from httpx2 import AsyncClient

from app.config import Settings
from app.core.security import Tokens
from tests.support.factories import Account

pytestmark = pytest.mark.error_path

ME = "/api/v1/users/me"

type Forge = Callable[..., str]


async def status_with(client: AsyncClient, token: str) -> int:
    response = await client.get(ME, headers={"Authorization": f"Bearer {token}"})
    if response.status_code == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json()["error"]["code"] == "UNAUTHORIZED"
    return response.status_code


@pytest.fixture
def claims(user: Account, settings: Settings) -> dict[str, Any]:
    """The claims of a valid access token."""
    now = datetime.now(UTC)
    return {
        "sub": str(user.id),
        "typ": "access",
        "iss": settings.issuer,
        "aud": settings.jwt_audience,
        "jti": uuid4().hex,
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
    }


@pytest.fixture
def forge(settings: Settings, claims: dict[str, Any]) -> Forge:
    """Return a function that changes the claims of a token and signs it with the service's secret.

    A claim whose value is None is omitted from the token.
    """

    def sign(algorithm: str = "HS256", **changes: Any) -> str:
        changed = {key: value for key, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, settings.jwt_secret.get_secret_value(), algorithm)

    return sign


async def test_a_forged_token_without_changes_is_accepted(
    anonymous: AsyncClient, forge: Forge
) -> None:
    """Without arguments, `forge` returns a valid token.

    If this test passes, the arguments of `forge` are the cause of a 401 in another test.
    """
    assert await status_with(anonymous, forge()) == 200


@pytest.mark.parametrize("claim", ["sub", "typ", "iss", "aud", "jti", "iat", "nbf", "exp"])
async def test_every_claim_is_required(anonymous: AsyncClient, forge: Forge, claim: str) -> None:
    assert await status_with(anonymous, forge(**{claim: None})) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another issuer"},
        {"aud": "another service"},
        {"typ": "refresh"},
        {"typ": "ACCESS"},
        {"sub": "not an id"},
        # This UUID is valid, but no user has this id.
        {"sub": "5f0d5a3e-2f43-4a76-9a5c-0d6c2c1b7e11"},
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"nbf": datetime(2100, 1, 1, tzinfo=UTC)},
        {"iat": datetime(2100, 1, 1, tzinfo=UTC)},
        {"exp": "tomorrow"},
        {"exp": "9999999999"},
        {"exp": 10**17},
        {"exp": 10**30},
    ],
    ids=lambda changes: str(next(iter(changes.items()))),
)
async def test_every_claim_is_checked(
    anonymous: AsyncClient, forge: Forge, changes: dict[str, Any]
) -> None:
    assert await status_with(anonymous, forge(**changes)) == 401


@pytest.mark.parametrize(("ahead", "status"), [(1, 200), (9, 200), (30, 401)])
async def test_a_clock_that_is_ahead_is_tolerated_up_to_10_seconds(
    anonymous: AsyncClient, forge: Forge, ahead: int, status: int
) -> None:
    now = datetime.now(UTC) + timedelta(seconds=ahead)

    assert await status_with(anonymous, forge(iat=now, nbf=now)) == status


async def test_expiry_has_no_tolerance(anonymous: AsyncClient, forge: Forge) -> None:
    now = datetime.now(UTC)

    assert await status_with(anonymous, forge(exp=now - timedelta(seconds=1))) == 401
    assert await status_with(anonymous, forge(exp=now + timedelta(seconds=5))) == 200


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_a_token_with_another_algorithm_is_refused(
    anonymous: AsyncClient, forge: Forge, algorithm: str
) -> None:
    assert await status_with(anonymous, forge(algorithm)) == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
async def test_a_token_without_an_algorithm_is_refused(
    anonymous: AsyncClient, forge: Forge, algorithm: str
) -> None:
    _, payload, signature = forge().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")

    for ending in ("", signature):
        assert await status_with(anonymous, f"{header}.{payload}.{ending}") == 401


async def test_a_token_signed_with_another_secret_is_refused(
    anonymous: AsyncClient, claims: dict[str, Any]
) -> None:
    assert await status_with(anonymous, jwt.encode(claims, "x" * 32, "HS256")) == 401


async def test_a_tampered_payload_is_refused(anonymous: AsyncClient, forge: Forge) -> None:
    header, _, signature = forge().split(".")
    other = forge(sub=str(uuid4())).split(".")[1]

    assert await status_with(anonymous, f"{header}.{other}.{signature}") == 401


async def test_a_refresh_token_is_refused_as_access_token(
    anonymous: AsyncClient, tokens: Tokens, user: Account
) -> None:
    assert await status_with(anonymous, tokens.make("refresh", user.id).text) == 401


async def test_an_access_token_is_refused_as_refresh_token(
    anonymous: AsyncClient, user: Account
) -> None:
    body = {"refresh_token": user.access_token}

    assert (await anonymous.post("/api/v1/auth/refresh", json=body)).status_code == 401


async def test_a_refresh_token_that_is_not_stored_is_refused(
    anonymous: AsyncClient, tokens: Tokens, user: Account
) -> None:
    body = {"refresh_token": tokens.make("refresh", user.id).text}

    assert (await anonymous.post("/api/v1/auth/refresh", json=body)).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "x", "..", "a.b.c", "é.é.é", "x" * 50_000, "null", "e30.e30.", "\x00"]
)
async def test_a_malformed_token_is_refused(anonymous: AsyncClient, token: str) -> None:
    response = await anonymous.get(ME, headers={b"Authorization": b"Bearer " + token.encode()})

    assert response.status_code == 401


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearerx", ""])
async def test_another_authentication_scheme_is_refused(
    anonymous: AsyncClient, user: Account, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {user.access_token}"}

    assert (await anonymous.get(ME, headers=headers)).status_code == 401


async def test_a_token_in_the_query_string_is_refused(
    anonymous: AsyncClient, user: Account
) -> None:
    assert (await anonymous.get(f"{ME}?access_token={user.access_token}")).status_code == 401


async def test_a_cached_token_is_refused_after_it_expires(
    anonymous: AsyncClient, forge: Forge
) -> None:
    token = forge(exp=datetime.now(UTC) + timedelta(seconds=2))
    assert await status_with(anonymous, token) == 200

    await asyncio.sleep(2)

    assert await status_with(anonymous, token) == 401


async def test_a_cached_access_token_is_refused_as_refresh_token(
    anonymous: AsyncClient, forge: Forge
) -> None:
    token = forge()
    assert await status_with(anonymous, token) == 200

    response = await anonymous.post("/api/v1/auth/refresh", json={"refresh_token": token})

    assert response.status_code == 401
