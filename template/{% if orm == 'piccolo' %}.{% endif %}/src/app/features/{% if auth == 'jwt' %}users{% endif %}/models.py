from piccolo.columns import UUID, Boolean, ForeignKey, OnDelete, Timestamptz, Varchar

from app.core.database.models import Entity


class User(Entity, tablename="users"):
    email = Varchar(length=254, unique=True, default=None)
    name = Varchar(length=100, default=None)
    password_hash = Varchar(length=255, default=None)
    role = Varchar(length=20, default=None)
    is_active = Boolean(default=None)


class RefreshToken(Entity, tablename="refresh_tokens"):
    """An issued refresh token, stored as a SHA-256 hash.

    The tokens of one login form a family, in which each token was exchanged for the next.
    """

    user_id = ForeignKey(User, on_delete=OnDelete.cascade, null=False, default=None, index=True)
    family_id = UUID(default=None, index=True)
    token_hash = Varchar(length=64, unique=True, default=None)
    expires_at = Timestamptz(default=None)
    spent_at = Timestamptz(null=True, default=None)
