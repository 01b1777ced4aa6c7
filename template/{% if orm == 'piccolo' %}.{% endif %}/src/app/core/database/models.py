"""The base class of all models."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from piccolo.columns import UUID, Timestamptz
from piccolo.table import Table

from app.core.database.engine import engine
from app.core.ids import uuid7


def _now() -> datetime:
    return datetime.now(UTC)


class Entity(Table, db=engine):
    """A row with a UUIDv7 id, a creation time and an update time.

    The application sets `id`, `created_at` and `updated_at`, so that a new row need not be read
    back from the database.
    """

    id = UUID(primary_key=True, default=None)
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None, auto_update=_now)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(db=engine, **options)

    def __init__(
        self,
        _data: dict[Any, Any] | None = None,
        _ignore_missing: bool = False,
        _exists_in_db: bool = False,
        **values: Any,
    ) -> None:
        if not _exists_in_db:
            now = _now()
            values = {"id": uuid7(), "created_at": now, "updated_at": now, **values}
        super().__init__(_data, _ignore_missing, _exists_in_db, **values)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Self:
        """Create an entity from a row. Reading a column that was not loaded raises `KeyError`."""
        row = cls.__new__(cls)
        row.__dict__.update(values, _exists_in_db=True, _was_created=None)
        for column in cls._meta.json_columns:
            name = column._meta.name  # noqa: SLF001 - the driver returns JSON as text
            if isinstance(text := values.get(name), str):
                row.__dict__[name] = json.loads(text)
        return row
