from datetime import UTC, datetime
from uuid import UUID

from app.core.database import Database
from app.core.ids import uuid7
from app.core.security import AuthenticationError, Passwords, Tokens, fingerprint
from app.features.auth.schemas import TokenResponse
from app.features.users.repository import RefreshTokenRepository, UserRepository

WRONG = "Wrong e-mail or password."


class AuthService:
    """Logging in, staying in, and logging out.

    It opens its own transactions where a request has one: no connection waits while a password is
    hashed, and a family's revocation is committed though the request ends in an error.
    """

    def __init__(self, database: Database, passwords: Passwords, tokens: Tokens) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens

    async def log_in(self, email: str, password: str) -> TokenResponse:
        """Raises the same `AuthenticationError`, after the same time, for every wrong pair."""
        async with self._database.reading() as session:
            user = await UserRepository(session).get_by_email(email)
        hashed = user.password_hash if user else None
        valid, updated_hash = await self._passwords.verify(password, hashed)
        if user is None or not valid or not user.is_active:
            raise AuthenticationError(WRONG)
        async with self._database.transaction() as session:
            if updated_hash:
                await UserRepository(session).update(user.id, {"password_hash": updated_hash})
            rows = RefreshTokenRepository(session)
            await rows.delete_expired(user.id)
            return await self._issue(rows, user.id, family_id=uuid7())

    async def refresh(self, token: str) -> TokenResponse:
        """Spend a refresh token for a new pair; raises `AuthenticationError`.

        A token that is used twice was stolen, from the client or by it: its whole family ends.
        """
        user_id, _ = self._tokens.read("refresh", token)
        async with self._database.transaction() as session:
            rows = RefreshTokenRepository(session)
            user = await UserRepository(session).get(user_id)
            family_id = await rows.spend(fingerprint(token))
            if family_id and user and user.is_active:
                return await self._issue(rows, user_id, family_id)
            await rows.revoke_family(fingerprint(token))
        raise AuthenticationError("The token is not valid.")

    async def log_out(self, token: str) -> None:
        """End the token's family, if it has one."""
        async with self._database.transaction() as session:
            await RefreshTokenRepository(session).revoke_family(fingerprint(token))

    async def _issue(
        self, rows: RefreshTokenRepository, user_id: UUID, family_id: UUID
    ) -> TokenResponse:
        refresh = self._tokens.make("refresh", user_id)
        await rows.create(
            {
                "user_id": user_id,
                "family_id": family_id,
                "fingerprint": fingerprint(refresh.text),
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
