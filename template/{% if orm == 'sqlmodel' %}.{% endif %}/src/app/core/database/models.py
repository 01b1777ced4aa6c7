"""The bases of all models."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.core.database.columns import NAMING_CONVENTION, UTCDateTime, now
from app.core.ids import uuid7

metadata = SQLModel.metadata
metadata.naming_convention = NAMING_CONVENTION


class TimestampMixin(SQLModel):
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime, sa_column_kwargs={"onupdate": now})

    def __init__(self, **values: Any) -> None:
        created_at = values.setdefault("created_at", now())
        values.setdefault("updated_at", created_at)
        super().__init__(**values)


class Entity(TimestampMixin):
    """What a repository keeps: a row with an id of its own and its times."""

    # Made here rather than in the database, so that a new row need not be read back.
    id: UUID = Field(default_factory=uuid7, primary_key=True)
