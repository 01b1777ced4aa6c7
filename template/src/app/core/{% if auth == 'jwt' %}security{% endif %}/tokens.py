"""Access and refresh tokens, which are signed JWTs (RFC 7519)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import jwt

from app.core.security.errors import InvalidTokenError
from app.settings.auth import AuthSettings

VERIFIED_TOKENS_CACHE_SIZE = 4096
"""Maximum number of verified tokens in the cache.

Verified tokens are cached, because verifying a token takes as long as two database queries.
"""

CLOCK_SKEW = 10
"""Seconds by which the clock of the replica that issued a token may be ahead of the local clock."""

type TokenType = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Token:
    """A new token and the time at which it expires."""

    text: str
    expires_at: datetime


class Claims(NamedTuple):
    """The verified claims of a token: the user's id and the expiry time."""

    user_id: UUID
    expires_at: datetime


class Tokens:
    """Issues and verifies JWTs.

    The `typ` claim contains the token's type, so that a refresh token is not accepted as an access
    token, or vice versa (RFC 8725, section 3.12).
    """

    def __init__(self, settings: AuthSettings) -> None:
        self._key = settings.jwt_secret.get_secret_value()
        self._algorithm = settings.jwt_algorithm
        self._issuer = settings.issuer
        self._audience = settings.jwt_audience
        self._lifetimes: dict[TokenType, timedelta] = {
            "access": timedelta(minutes=settings.jwt_expire_minutes),
            "refresh": timedelta(days=settings.jwt_refresh_expire_days),
        }
        # Signature checks are cached, because their results never change. `read` checks the expiry.
        self._verify = lru_cache(VERIFIED_TOKENS_CACHE_SIZE)(self._decode)

    def make(self, kind: TokenType, user_id: UUID) -> Token:
        now = datetime.now(UTC)
        expires_at = now + self._lifetimes[kind]
        claims = {
            "sub": str(user_id),
            "typ": kind,
            "iss": self._issuer,
            "aud": self._audience,
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": expires_at,
        }
        return Token(jwt.encode(claims, self._key, self._algorithm), expires_at)

    def read(self, kind: TokenType, token: str) -> Claims:
        """Verify a token and return its claims. Raises `InvalidTokenError` if any check fails."""
        claims = self._verify(kind, token)
        # PyJWT also applies the leeway to `exp`, but an expired token must be rejected at once.
        if claims.expires_at <= datetime.now(UTC):
            raise InvalidTokenError
        return claims

    def _decode(self, kind: TokenType, token: str) -> Claims:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                # Accept only the configured algorithm, never `none` (RFC 8725, section 3.1).
                algorithms=[self._algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["sub", "iss", "aud", "jti", "iat", "nbf", "exp"]},
            )
            verified = Claims(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError) as exc:
            raise InvalidTokenError from exc
        if claims.get("typ") != kind:
            raise InvalidTokenError
        return verified


def hash_token(token: str) -> str:
    """Return the SHA-256 hash that the database stores instead of a refresh token.

    A refresh token has enough entropy to resist guessing, so a slow password hash is unnecessary.
    """
    return hashlib.sha256(token.encode()).hexdigest()
