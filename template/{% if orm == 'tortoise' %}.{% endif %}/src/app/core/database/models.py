"""The base of all models."""

from datetime import UTC, datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.core.ids import uuid7


class Entity(Model):
    """What a repository keeps: a row with an id of its own and its times.

    They are made here rather than in the database, so that a new row need not be read back.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta(Model.Meta):
        abstract = True

    def __init__(self, **values: Any) -> None:
        # One time for both: a row that is new was never changed.
        now = datetime.now(UTC)
        super().__init__(**{"created_at": now, "updated_at": now, **values})

    async def save(self, *args: Any, **options: Any) -> None:
        """Where only some fields are saved, `update_fields` has to name `updated_at`."""
        if self._saved_in_db:
            self.updated_at = datetime.now(UTC)
        await super().save(*args, **options)
