"""Who is asking, and whether they may: what other features use of this one."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection
from structlog.contextvars import bind_contextvars

from app.core.audit import record
from app.core.rate_limit import RateLimitError, client_address
from app.core.security import (
    Actor,
    AuthenticationError,
    AuthorizationError,
    InvalidTokenError,
    Role,
    Tokens,
)
from app.dependencies import DatabaseDep, RateLimiterDep, SettingsDep, only_reads
from app.features.auth.service import AuthService
from app.features.users.dependencies import PasswordsDep, UserRepositoryDep
from app.features.users.exceptions import UserNotFoundError
from app.features.users.models import User
from app.features.users.repository import UserRepository

# Relative, so that it holds behind a proxy's prefix too.
bearer = OAuth2PasswordBearer(tokenUrl="api/v1/auth/token", auto_error=False)

AccessTokenDep = Annotated[str | None, Depends(bearer)]


async def get_tokens(connection: HTTPConnection) -> Tokens:
    tokens: Tokens = connection.app.state.tokens
    return tokens


TokensDep = Annotated[Tokens, Depends(get_tokens)]


async def get_actor(
    request: Request, token: AccessTokenDep, tokens: TokensDep, users: UserRepositoryDep
) -> Actor:
    """The user whose access token came along, if they are still active.

    A request that writes keeps them from being deleted before its transaction ends.
    """
    user_id = _read(token, tokens)
    return _admit(await users.get(user_id) if only_reads(request) else await users.protect(user_id))


ActorDep = Annotated[Actor, Depends(get_actor)]


async def get_detached_actor(
    token: AccessTokenDep, tokens: TokensDep, database: DatabaseDep
) -> Actor:
    """The actor, for a handler whose service opens its own transactions.

    It leaves no connection and no transaction open, which that service would have to wait for.
    """
    user_id = _read(token, tokens)
    async with database.reading() as session:
        return _admit(await UserRepository(session).get(user_id))


DetachedActorDep = Annotated[Actor, Depends(get_detached_actor)]


def _read(token: str | None, tokens: Tokens) -> UUID:
    if token is None:
        raise AuthenticationError
    return tokens.read("access", token).user_id


def _admit(user: User | None) -> Actor:
    if user is None or not user.is_active:
        raise InvalidTokenError
    bind_contextvars(user_id=str(user.id))
    return Actor(user.id, Role(user.role))


async def get_own_account(actor: DetachedActorDep) -> AsyncGenerator[Actor]:
    """The actor, for a handler about their own account: 401 if it is deleted meanwhile."""
    try:
        yield actor
    except UserNotFoundError as exc:
        raise InvalidTokenError from exc


OwnAccountDep = Annotated[Actor, Depends(get_own_account, scope="function")]


def require_role(*roles: Role) -> Callable[[Actor], Awaitable[None]]:
    """A dependency that refuses everyone else."""

    async def check(actor: DetachedActorDep) -> None:
        if actor.role not in roles:
            record("authz_fail", actor.id)
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
        with _recorded_limit():
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
    actor: DetachedActorDep, limiter: RateLimiterDep, settings: SettingsDep
) -> None:
    """A stolen access token must not be a way to guess the password."""
    with _recorded_limit(actor.id):
        await limiter.hit(settings.rate_limit_auth, "password", str(actor.id), factor=10)


@contextmanager
def _recorded_limit(user_id: UUID | None = None) -> Iterator[None]:
    try:
        yield
    except RateLimitError:
        record("authn_login_lock", user_id)
        raise
