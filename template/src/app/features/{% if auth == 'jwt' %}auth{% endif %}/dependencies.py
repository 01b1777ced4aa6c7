"""Who is asking, and whether they may: what other features use of this one."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from structlog.contextvars import bind_contextvars

from app.core.database import EVERYTHING, Scope
from app.core.rate_limit import RateLimitError, client_address
from app.core.security import (
    Actor,
    AuthenticationError,
    AuthorizationError,
    InvalidTokenError,
    Role,
)
from app.core.security.audit import record
from app.dependencies import ResourcesDep, UnitDep, only_reads, resources_of
from app.features.auth.service import AuthService
from app.features.users.exceptions import UserNotFoundError
from app.features.users.repository import UserRepository
from app.resources import Resources

# Relative, so that it holds behind a proxy's prefix too.
bearer = OAuth2PasswordBearer(tokenUrl="api/v1/auth/token", auto_error=False)

AccessTokenDep = Annotated[str | None, Depends(bearer)]


async def get_actor(request: Request, token: AccessTokenDep, unit: UnitDep) -> Actor:
    """The user whose access token came along, if they are still active.

    A request that writes keeps them from being deleted before its transaction ends.
    """
    user_id = _read(token, resources_of(request))
    users = UserRepository(unit, EVERYTHING)
    if only_reads(request):
        return _admit(user_id, await users.active_role(user_id))
    return _admit(user_id, await users.protect(user_id))


ActorDep = Annotated[Actor, Depends(get_actor)]


async def get_scope(request: Request, token: AccessTokenDep, unit: UnitDep) -> Scope:
    """Whose rows a request may see, change and create: those of its actor."""
    return (await get_actor(request, token, unit)).scope


ScopeDep = Annotated[Scope, Depends(get_scope)]


async def get_detached_actor(token: AccessTokenDep, resources: ResourcesDep) -> Actor:
    """The actor, for a handler whose service opens its own transactions.

    It leaves no connection and no transaction open, which that service would have to wait for.
    """
    user_id = _read(token, resources)
    async with resources.database.reading() as unit:
        return _admit(user_id, await UserRepository(unit, EVERYTHING).active_role(user_id))


DetachedActorDep = Annotated[Actor, Depends(get_detached_actor)]


def _read(token: str | None, resources: Resources) -> UUID:
    if token is None:
        raise AuthenticationError
    return resources.tokens.read("access", token).user_id


def _admit(user_id: UUID, role: Role | None) -> Actor:
    if role is None:
        raise InvalidTokenError
    bind_contextvars(user_id=str(user_id))
    return Actor(user_id, role)


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


async def get_auth_service(resources: ResourcesDep) -> AuthService:
    return AuthService(resources.database, resources.passwords, resources.tokens)


AuthServiceDep = Annotated[AuthService, Depends(get_auth_service)]


class LoginLimit:
    """Counts attempts per address and account together, and ten times that per address alone.

    Together, so that nobody locks others out of their accounts; alone, so that nobody tries one
    password on all of them.
    """

    def __init__(self, request: Request, resources: ResourcesDep) -> None:
        self._address = client_address(request)
        self._limiter = resources.rate_limiter
        self._rate = resources.settings.rate_limit_auth

    async def count(self, email: str) -> None:
        """Count an attempt on the account of a normalised address; raises `RateLimitError`."""
        with _recorded_limit():
            await self._limiter.hit(self._rate, "login", self._address, factor=10)
            await self._limiter.hit(self._rate, "login", self._address, email)


LoginLimitDep = Annotated[LoginLimit, Depends()]


class RegistrationLimit:
    """Counts registrations per client address: each costs a password hash, and sends a mail."""

    def __init__(self, request: Request, resources: ResourcesDep) -> None:
        self._address = client_address(request)
        self._limiter = resources.rate_limiter
        self._rate = resources.settings.rate_limit_registration

    async def count(self) -> None:
        """Raises `RateLimitError`."""
        await self._limiter.hit(self._rate, "registration", self._address)


RegistrationLimitDep = Annotated[RegistrationLimit, Depends()]


async def limit_password_guesses(actor: DetachedActorDep, resources: ResourcesDep) -> None:
    """A stolen access token must not be a way to guess the password."""
    rate = resources.settings.rate_limit_auth
    with _recorded_limit(actor.id):
        await resources.rate_limiter.hit(rate, "password", str(actor.id), factor=10)


@contextmanager
def _recorded_limit(user_id: UUID | None = None) -> Iterator[None]:
    try:
        yield
    except RateLimitError:
        record("authn_login_lock", user_id)
        raise
