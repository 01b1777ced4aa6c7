"""The authenticated user of a request, and the user's role."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app.core.database.scope import OWNER, Scope


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


class Actor(NamedTuple):
    """The user who sends a request, identified by the request's access token."""

    id: UUID
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def scope(self) -> Scope:
        """The rows that the user may access: all rows for an admin, otherwise only owned rows."""
        return Scope({OWNER: self.id}, sees_all=self.is_admin)
