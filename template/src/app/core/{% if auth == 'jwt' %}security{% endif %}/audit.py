"""The security trail: who logged in, who failed to, and what changed about accounts.

The events have the names of the OWASP Logging Vocabulary. They carry ids, and never an e-mail
address or a secret. A change is recorded after it is committed.
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
    """Write one line about a user, if it is known which; `actor_id` is whoever else caused it.

    The middleware and `get_actor` bind the request's `client` and `user_id`.
    """
    actor_id = get_contextvars().get("user_id")
    if user_id:
        details["user_id"] = str(user_id)
        if actor_id and actor_id != str(user_id):
            details["actor_id"] = actor_id
    write = logger.warning if event in WARNINGS else logger.info
    write(event, **details)
