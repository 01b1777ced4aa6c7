"""The base classes of all models."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.database.columns import NAMING_CONVENTION, UTCDateTime, now, time_of_creation
from app.core.ids import uuid7

metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Base(DeclarativeBase):
    metadata = metadata
    type_annotation_map: ClassVar = {datetime: UTCDateTime}


class TimestampMixin:
    created_at: Mapped[datetime] = mapped_column(default=now, sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(
        default=time_of_creation, onupdate=now, sort_order=2
    )


class Entity(TimestampMixin, Base):
    """A row with a UUIDv7 id, a creation time and an update time.

    The application sets `id`, `created_at` and `updated_at`, so that a new row need not be read
    back from the database.
    """

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-1)
