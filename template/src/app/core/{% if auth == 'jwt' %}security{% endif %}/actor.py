"""Who is asking, as far as a feature's rules need to know."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app.core.database.scope import OWNER, Scope


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


class Actor(NamedTuple):
    """A user who is logged in."""

    id: UUID
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def scope(self) -> Scope:
        """Their own rows; for an admin, all."""
        return Scope({OWNER: self.id}, sees_all=self.is_admin)
