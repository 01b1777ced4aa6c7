"""The security log: logins, refused requests and changes of accounts.

The events are named by the OWASP Logging Vocabulary Cheat Sheet. They contain ids, and never an
e-mail address or a secret. A change is logged only after it is committed.
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
    """Log a security event about a user; `user_id` is None if the user is unknown.

    `actor_id` is added if the event is caused by another user, such as an admin. The request's log
    context holds the id of its user, which `get_actor` binds, and the client's address, which
    `RequestContextMiddleware` binds.
    """
    actor_id = get_contextvars().get("user_id")
    if user_id:
        details["user_id"] = str(user_id)
        if actor_id and actor_id != str(user_id):
            details["actor_id"] = actor_id
    write = logger.warning if event in WARNINGS else logger.info
    write(event, **details)
