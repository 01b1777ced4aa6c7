from datetime import UTC, datetime
from uuid import UUID

from app.core.database import EVERYTHING, Database, UnitOfWork
from app.core.ids import uuid7
from app.core.security import (
    AuthenticationError,
    InvalidTokenError,
    Passwords,
    Tokens,
    hash_token,
)
from app.core.security.audit import record
from app.features.auth.schemas import TokenResponse
from app.features.users.repository import RefreshTokenRepository, UserRepository

WRONG = "Wrong e-mail or password."


class AuthService:
    """Logging in, staying in, and logging out.

    It opens its own transactions where a request has one: no connection waits while a password is
    hashed, and a family's revocation is committed though the request ends in an error. Each locks
    the user first, so that what one of them revokes, no other has just issued.
    """

    def __init__(self, database: Database, passwords: Passwords, tokens: Tokens) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens

    async def log_in(self, email: str, password: str) -> TokenResponse:
        """Raises the same `AuthenticationError`, after the same time, for every wrong pair."""
        while True:
            async with self._database.reading() as unit:
                user = await UserRepository(unit, EVERYTHING).get_by_email(email)
            verified_hash = user.password_hash if user else None
            valid, new_hash = await self._passwords.verify(password, verified_hash)
            if user is None or not valid or not user.is_active:
                record("authn_login_fail", user.id if user else None)
                raise AuthenticationError(WRONG)
            async with self._database.transaction() as unit:
                users = UserRepository(unit, EVERYTHING)
                if await users.lock(user.id, password_hash=verified_hash, is_active=True):
                    if new_hash:
                        await users.update(user.id, {"password_hash": new_hash})
                    await RefreshTokenRepository(unit, EVERYTHING).delete_expired(user.id)
                    response = await self._issue(unit, user.id, family_id=uuid7())
                    break
            # The user has changed since: once more, with what is stored now.
        record("authn_login_success", user.id)
        return response

    async def refresh(self, token: str) -> TokenResponse:
        """Spend a refresh token for a new pair; raises `AuthenticationError`.

        A token that is used twice was stolen, from the client or by it: its whole family ends.
        """
        user_id, _ = self._tokens.read("refresh", token)
        async with self._database.transaction() as unit:
            if not await UserRepository(unit, EVERYTHING).lock(user_id, is_active=True):
                raise InvalidTokenError
            rows = RefreshTokenRepository(unit, EVERYTHING)
            if family_id := await rows.spend(hash_token(token)):
                return await self._issue(unit, user_id, family_id)
            reused = await rows.revoke_family(hash_token(token))
        if reused:
            record("authn_token_reuse", user_id)
        raise InvalidTokenError

    async def log_out(self, token: str) -> None:
        """End the token's family, if it has one."""
        async with self._database.transaction() as unit:
            rows = RefreshTokenRepository(unit, EVERYTHING)
            if user_id := await rows.find_user(hash_token(token)):
                await UserRepository(unit, EVERYTHING).lock(user_id)
                await rows.revoke_family(hash_token(token))

    async def _issue(self, unit: UnitOfWork, user_id: UUID, family_id: UUID) -> TokenResponse:
        refresh = self._tokens.make("refresh", user_id)
        await RefreshTokenRepository(unit, EVERYTHING).create(
            {
                "user_id": user_id,
                "family_id": family_id,
                "token_hash": hash_token(refresh.text),
                "expires_at": refresh.expires_at,
            }
        )
        access = self._tokens.make("access", user_id)
        lifetime = access.expires_at - datetime.now(UTC)
        return TokenResponse(
            access_token=access.text,
            refresh_token=refresh.text,
            expires_in=round(lifetime.total_seconds()),
        )
