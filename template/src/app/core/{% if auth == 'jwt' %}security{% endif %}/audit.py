"""The security log, which records logins, rejected requests and changes to user accounts.

The names of the events follow the OWASP Logging Vocabulary Cheat Sheet. The events contain user
ids, but never e-mail addresses or secrets. A change to an account is logged only after the
transaction is committed.
"""

from typing import Literal
from uuid import UUID

from structlog.contextvars import get_contextvars

from app.core.logging import get_logger

type SecurityEvent = Literal[
    "authn_login_success",
    "authn_login_fail",
    "authn_login_lock",
    "authn_token_reuse",
    "authn_password_change",
    "authz_fail",
    "privilege_permissions_changed",
    "user_created",
    "user_deactivated",
    "user_deleted",
]

WARNINGS: frozenset[SecurityEvent] = frozenset(
    {"authn_login_fail", "authn_login_lock", "authn_token_reuse", "authz_fail"}
)

logger = get_logger("app.security")


def record(event: SecurityEvent, user_id: UUID | None = None, **details: str) -> None:
    """Log a security event about a user. `user_id` is None if the user is unknown.

    If another user, such as an admin, caused the event, the id of that user is logged as
    `actor_id`. `get_actor` stores the authenticated user's id in the structlog context variable
    `user_id`. `RequestContextMiddleware` stores the client's address in the structlog context
    variable `client`.
    """
    actor_id = get_contextvars().get("user_id")
    if user_id:
        details["user_id"] = str(user_id)
        if actor_id and actor_id != str(user_id):
            details["actor_id"] = actor_id
    write = logger.warning if event in WARNINGS else logger.info
    write(event, **details)
