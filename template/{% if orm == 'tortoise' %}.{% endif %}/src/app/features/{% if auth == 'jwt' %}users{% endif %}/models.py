from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from app.core.database.models import Entity


class User(Entity):
    email = fields.CharField(max_length=254, unique=True)
    name = fields.CharField(max_length=100)
    password_hash = fields.CharField(max_length=255)
    role = fields.CharField(max_length=20)
    is_active = fields.BooleanField()

    class Meta(Model.Meta):
        table = "users"


class RefreshToken(Entity):
    """An issued refresh token, stored as a SHA-256 hash.

    The tokens of one login form a family, in which each token was exchanged for the next.
    """

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("app.User", related_name=False)
    user_id: UUID
    family_id = fields.UUIDField()
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    spent_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "refresh_tokens"
        indexes = (("user_id",), ("family_id",))
