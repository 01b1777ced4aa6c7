"""The base classes of all models."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.core.database.columns import NAMING_CONVENTION, UTCDateTime, now, time_of_creation
from app.core.ids import uuid7

metadata = SQLModel.metadata
metadata.naming_convention = NAMING_CONVENTION


class TimestampMixin(SQLModel):
    created_at: datetime = Field(sa_type=UTCDateTime, sa_column_kwargs={"default": now})
    updated_at: datetime = Field(
        sa_type=UTCDateTime, sa_column_kwargs={"default": time_of_creation, "onupdate": now}
    )


class Entity(TimestampMixin):
    """A row with a UUIDv7 id, a creation time and an update time.

    The application sets `id`, `created_at` and `updated_at`, so that a new row need not be read
    back from the database.
    """

    id: UUID = Field(default_factory=uuid7, primary_key=True)
