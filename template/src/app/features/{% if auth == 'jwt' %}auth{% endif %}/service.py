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

WRONG_CREDENTIALS = "Wrong e-mail or password."


class AuthService:
    """Login, token refresh and logout.

    `AuthService` opens its own transactions, so that no database connection is held while a
    password is verified, and so that revoked refresh tokens stay revoked if the request ends in an
    error.

    Each transaction locks the user's row before it issues or revokes tokens, so that no login or
    refresh can issue a valid refresh token while the user's refresh tokens are being revoked.
    """

    def __init__(self, database: Database, passwords: Passwords, tokens: Tokens) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens

    async def log_in(self, email: str, password: str) -> TokenResponse:
        """Verify the credentials and return an access token and a refresh token.

        The refresh token and all later refresh tokens of this login form one token family.

        Raises the same `AuthenticationError`, after the same amount of work, for an unknown
        address, a wrong password and an inactive user, so that the response does not reveal which
        accounts exist (OWASP Authentication Cheat Sheet).
        """
        while True:
            async with self._database.reading() as unit:
                user = await UserRepository(unit, EVERYTHING).get_by_email(email)
            verified_hash = user.password_hash if user else None
            valid, new_hash = await self._passwords.verify(password, verified_hash)
            if user is None or not valid or not user.is_active:
                record("authn_login_fail", user.id if user else None)
                raise AuthenticationError(WRONG_CREDENTIALS)
            async with self._database.transaction() as unit:
                users = UserRepository(unit, EVERYTHING)
                if await users.lock(user.id, password_hash=verified_hash, is_active=True):
                    if new_hash:
                        await users.update(user.id, {"password_hash": new_hash})
                    await RefreshTokenRepository(unit, EVERYTHING).delete_expired(user.id)
                    response = await self._issue(unit, user.id, family_id=uuid7())
                    break
            # The user's row changed during the password verification, so repeat the verification.
        record("authn_login_success", user.id)
        return response

    async def refresh(self, token: str) -> TokenResponse:
        """Exchange a refresh token for a new pair of tokens.

        A refresh token that is used a second time may have been stolen, so all refresh tokens of
        its family are revoked (refresh token rotation, RFC 9700, section 4.14.2).

        Raises `AuthenticationError` if the token is invalid, expired, revoked or already used, or
        if its user is inactive or deleted.
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
        """Revoke all refresh tokens from the same login as `token`. An unknown token is ignored."""
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
