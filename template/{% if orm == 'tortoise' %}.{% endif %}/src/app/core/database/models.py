"""The base class of all models."""

from datetime import UTC, datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.core.ids import uuid7


class Entity(Model):
    """A row with a UUIDv7 id, a creation time and an update time.

    The application sets `id`, `created_at` and `updated_at`, so that a new row need not be read
    back from the database.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta(Model.Meta):
        abstract = True

    def __init__(self, **values: Any) -> None:
        # `created_at` and `updated_at` are equal in a new row.
        now = datetime.now(UTC)
        super().__init__(**{"created_at": now, "updated_at": now, **values})

    async def save(self, *args: Any, **options: Any) -> None:
        """Set `updated_at` and save the row.

        `update_fields`, if given, must contain `updated_at`.
        """
        if self._saved_in_db:
            self.updated_at = datetime.now(UTC)
        await super().save(*args, **options)
