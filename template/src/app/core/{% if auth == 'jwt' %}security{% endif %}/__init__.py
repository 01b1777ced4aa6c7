"""Passwords, tokens, the authenticated user, and authentication and authorization errors."""

from app.core.security.actor import Actor, Role
from app.core.security.errors import AuthenticationError, AuthorizationError, InvalidTokenError
from app.core.security.passwords import Passwords, check_password
from app.core.security.tokens import Tokens, hash_token

__all__ = [
    "Actor",
    "AuthenticationError",
    "AuthorizationError",
    "InvalidTokenError",
    "Passwords",
    "Role",
    "Tokens",
    "check_password",
    "hash_token",
]
