"""Access and refresh tokens: JWTs that this service makes and reads."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import jwt

from app.core.security.errors import InvalidTokenError
from app.settings.auth import AuthSettings

VERIFIED_TOKENS = 4096
"""How many tokens are remembered as verified: to verify one takes as long as two queries."""

CLOCK_SKEW = 10
"""Seconds by which the clock of the replica that made a token may be ahead of this one's."""

type TokenType = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token and what its row in the database has to know."""

    text: str
    expires_at: datetime


class Claims(NamedTuple):
    """What a token says that holds: whose it is, and until when."""

    user_id: UUID
    expires_at: datetime


class Tokens:
    """Makes and reads JWTs. A token names its type, so that none passes for another."""

    def __init__(self, settings: AuthSettings) -> None:
        self._key = settings.jwt_secret.get_secret_value()
        self._algorithm = settings.jwt_algorithm
        self._issuer = settings.issuer
        self._audience = settings.jwt_audience
        self._lifetimes: dict[TokenType, timedelta] = {
            "access": timedelta(minutes=settings.jwt_expire_minutes),
            "refresh": timedelta(days=settings.jwt_refresh_expire_days),
        }
        # Only what holds for ever is remembered: a signature and claims, but not that it is in time.
        self._verify = lru_cache(VERIFIED_TOKENS)(self._decode)

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
        """What the token says; raises `AuthenticationError` unless every claim is right."""
        read = self._verify(kind, token)
        # PyJWT has one leeway for all claims, but an expired token is not a fresh one.
        if read.expires_at <= datetime.now(UTC):
            raise InvalidTokenError
        return read

    def _decode(self, kind: TokenType, token: str) -> Claims:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                # Ours, never the token's own: `none` and confused keys end here.
                algorithms=[self._algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["sub", "iss", "aud", "jti", "iat", "nbf", "exp"]},
            )
            read = Claims(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError) as exc:
            raise InvalidTokenError from exc
        if claims.get("typ") != kind:
            raise InvalidTokenError
        return read


def hash_token(token: str) -> str:
    """What is stored of a token. It is random enough that a fast hash protects it."""
    return hashlib.sha256(token.encode()).hexdigest()
