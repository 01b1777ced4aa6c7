from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.database.columns import UTCDateTime
from app.core.database.models import Entity


class User(Entity, table=True):
    __tablename__ = "users"

    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=100)
    password_hash: str = Field(max_length=255)
    role: str = Field(max_length=20)
    is_active: bool


class RefreshToken(Entity, table=True):
    """An issued refresh token, stored as a SHA-256 hash.

    The tokens of one login form a family, in which each token was exchanged for the next.
    """

    __tablename__ = "refresh_tokens"

    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    family_id: UUID = Field(index=True)
    token_hash: str = Field(max_length=64, unique=True)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    spent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
