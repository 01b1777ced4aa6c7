"""Who is asking, and whether they may: what other features use of this one."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from app.core.rate_limit import client_address
from app.core.security import Actor, AuthenticationError, AuthorizationError, Role, Tokens
from app.dependencies import DatabaseDep, RateLimiterDep, SettingsDep
from app.features.auth.service import AuthService
from app.features.users.dependencies import PasswordsDep, UserRepositoryDep

# Relative, so that it holds behind a proxy's prefix too.
bearer = OAuth2PasswordBearer(tokenUrl="api/v1/auth/token", auto_error=False)


async def get_tokens(connection: HTTPConnection) -> Tokens:
    tokens: Tokens = connection.app.state.tokens
    return tokens


TokensDep = Annotated[Tokens, Depends(get_tokens)]


async def get_actor(
    token: Annotated[str | None, Depends(bearer)], tokens: TokensDep, users: UserRepositoryDep
) -> Actor:
    """Whose access token came along, if they are still active."""
    if token is None:
        raise AuthenticationError
    user = await users.get(tokens.read("access", token).user_id)
    if user is None or not user.is_active:
        raise AuthenticationError("The token is not valid.")
    structlog.contextvars.bind_contextvars(user_id=str(user.id))
    return Actor(user.id, Role(user.role))


ActorDep = Annotated[Actor, Depends(get_actor)]


def require_role(*roles: Role) -> Callable[[Actor], Awaitable[None]]:
    """A dependency that refuses everyone else."""

    async def check(actor: ActorDep) -> None:
        if actor.role not in roles:
            raise AuthorizationError

    return check


async def get_auth_service(
    database: DatabaseDep, passwords: PasswordsDep, tokens: TokensDep
) -> AuthService:
    return AuthService(database, passwords, tokens)


AuthServiceDep = Annotated[AuthService, Depends(get_auth_service)]


class LoginLimit:
    """Counts attempts per address and account together, and ten times that per address alone.

    Together, so that nobody locks others out of their accounts; alone, so that nobody tries one
    password on all of them.
    """

    def __init__(self, request: Request, limiter: RateLimiterDep, settings: SettingsDep) -> None:
        self._address = client_address(request)
        self._limiter = limiter
        self._rate = settings.rate_limit_auth

    async def count(self, email: str) -> None:
        """Count an attempt on the account of a normalised address; raises `RateLimitError`."""
        await self._limiter.hit(self._rate, "login", self._address, factor=10)
        await self._limiter.hit(self._rate, "login", self._address, email)


LoginLimitDep = Annotated[LoginLimit, Depends()]


class RegistrationLimit:
    """Counts registrations per client address: each costs a password hash, and sends a mail."""

    def __init__(self, request: Request, limiter: RateLimiterDep, settings: SettingsDep) -> None:
        self._address = client_address(request)
        self._limiter = limiter
        self._rate = settings.rate_limit_registration

    async def count(self) -> None:
        """Raises `RateLimitError`."""
        await self._limiter.hit(self._rate, "registration", self._address)


RegistrationLimitDep = Annotated[RegistrationLimit, Depends()]


async def limit_password_guesses(
    actor: ActorDep, limiter: RateLimiterDep, settings: SettingsDep
) -> None:
    """A stolen access token must not be a way to guess the password."""
    await limiter.hit(settings.rate_limit_auth, "password", str(actor.id), factor=10)
