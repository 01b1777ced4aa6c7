"""Dependencies that authenticate a request, check roles and limit login attempts."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from structlog.contextvars import bind_contextvars

from app.core.database import EVERYTHING, Scope, UnitOfWork
from app.core.rate_limit import RateLimitError, client_address
from app.core.security import (
    Actor,
    AuthenticationError,
    AuthorizationError,
    InvalidTokenError,
    Role,
)
from app.core.security.audit import record
from app.dependencies import ResourcesDep, UnitDep, get_resources, is_read_only
from app.features.auth.service import AuthService
from app.features.users.exceptions import UserNotFoundError
from app.features.users.repository import UserRepository
from app.resources import Resources

# The token URL is relative, so it also works behind a proxy that adds a path prefix.
bearer = OAuth2PasswordBearer(tokenUrl="api/v1/auth/token", auto_error=False)

AccessTokenDep = Annotated[str | None, Depends(bearer)]


async def get_actor(request: Request, token: AccessTokenDep, unit: UnitDep) -> Actor:
    """Authenticate the user by the access token in the `Authorization` header (RFC 6750).

    A request that writes to the database also locks the user's row, so that the user cannot be
    deleted before the request's transaction ends.

    Raises `AuthenticationError` if the token is missing or invalid, or if its user is inactive or
    deleted.
    """
    user_id = _verified_user_id(token, await get_resources(request))
    if is_read_only(request):
        return _active_actor(user_id, await UserRepository(unit, EVERYTHING).active_role(user_id))
    return await lock_actor(user_id, unit)


async def lock_actor(user_id: UUID, unit: UnitOfWork) -> Actor:
    """Return the user, who cannot be deleted before the transaction of `unit` ends.

    Raises `InvalidTokenError` if the user is inactive or deleted.
    """
    users = UserRepository(unit, EVERYTHING)
    return _active_actor(user_id, await users.lock_against_deletion(user_id))


ActorDep = Annotated[Actor, Depends(get_actor)]


async def get_scope(request: Request, token: AccessTokenDep, unit: UnitDep) -> Scope:
    """Return the scope that limits a request to the rows that the authenticated user may access."""
    return (await get_actor(request, token, unit)).scope


ScopeDep = Annotated[Scope, Depends(get_scope)]


async def get_detached_actor(token: AccessTokenDep, resources: ResourcesDep) -> Actor:
    """Authenticate the user in a separate unit of work, which ends before the route handler runs.

    Routes use this dependency instead of `get_actor` if their service opens its own transactions.
    If the request's unit of work stayed open, the request would hold one database connection while
    the service waits for a second one.

    Raises `AuthenticationError` if the token is missing or invalid, or if its user is inactive or
    deleted.
    """
    user_id = _verified_user_id(token, resources)
    async with resources.database.reading() as unit:
        return _active_actor(user_id, await UserRepository(unit, EVERYTHING).active_role(user_id))


DetachedActorDep = Annotated[Actor, Depends(get_detached_actor)]


def _verified_user_id(token: str | None, resources: Resources) -> UUID:
    if token is None:
        raise AuthenticationError
    return resources.tokens.read("access", token).user_id


def _active_actor(user_id: UUID, role: Role | None) -> Actor:
    if role is None:
        raise InvalidTokenError
    bind_contextvars(user_id=str(user_id))
    return Actor(user_id, role)


async def get_own_account(actor: DetachedActorDep) -> AsyncGenerator[Actor]:
    """Authenticate the user for a route that reads or changes the user's own account.

    If another request deletes the account at the same time, the response is 401 instead of 404.
    """
    try:
        yield actor
    except UserNotFoundError as exc:
        raise InvalidTokenError from exc


OwnAccountDep = Annotated[Actor, Depends(get_own_account, scope="function")]


def require_role(*roles: Role) -> Callable[[Actor], Awaitable[None]]:
    """Return a dependency that raises `AuthorizationError` if the user has none of the roles."""

    async def check(actor: DetachedActorDep) -> None:
        if actor.role not in roles:
            record("authz_fail", actor.id)
            raise AuthorizationError

    return check


async def get_auth_service(resources: ResourcesDep) -> AuthService:
    return AuthService(resources.database, resources.passwords, resources.tokens)


AuthServiceDep = Annotated[AuthService, Depends(get_auth_service)]


async def limit_logins(request: Request, resources: Resources, email: str) -> None:
    """Count a login attempt for the user with the normalized e-mail address `email`.

    Login attempts for one account from one client address are limited to `RATE_LIMIT_AUTH`. Login
    attempts are counted separately for each client address, so an attacker cannot lock out a user
    at another address.

    The total number of login attempts from one client address is limited to ten times
    `RATE_LIMIT_AUTH`. The limit for a client address slows down password spraying, which tries one
    common password on many accounts (OWASP Credential Stuffing Prevention Cheat Sheet).

    Raises `RateLimitError` if the attempt exceeds the limit for the account or for the client
    address.
    """
    limiter, rate = resources.rate_limiter, resources.settings.rate_limit_auth
    address = client_address(request)
    with _log_exceeded_limit():
        await limiter.hit(rate, "login", address, factor=10)
        await limiter.hit(rate, "login", address, email)


async def limit_registrations(request: Request, resources: Resources) -> None:
    """Count a registration against the limit for a client address (`RATE_LIMIT_REGISTRATION`).

    Registrations are limited because each one computes a password hash and sends an e-mail.
    Raises `RateLimitError` if the registration exceeds the limit.
    """
    rate = resources.settings.rate_limit_registration
    await resources.rate_limiter.hit(rate, "registration", client_address(request))


async def limit_password_guesses(actor: DetachedActorDep, resources: ResourcesDep) -> None:
    """Limit how often a client with a stolen access token can guess the user's current password.

    A user's requests to change the password are limited to ten times `RATE_LIMIT_AUTH`. Raises
    `RateLimitError` if the user exceeds the limit.
    """
    rate = resources.settings.rate_limit_auth
    with _log_exceeded_limit(actor.id):
        await resources.rate_limiter.hit(rate, "password", str(actor.id), factor=10)


@contextmanager
def _log_exceeded_limit(user_id: UUID | None = None) -> Iterator[None]:
    """Log `authn_login_lock` if the body of the `with` statement raises `RateLimitError`."""
    try:
        yield
    except RateLimitError:
        record("authn_login_lock", user_id)
        raise
