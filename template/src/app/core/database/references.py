"""Checks that a row may refer to another row."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from app.core.database.scope import OWNER
from app.core.errors import NotFoundError, ValidationError

type Find = Callable[[UUID], Awaitable[Any]]
"""Returns the row with an id, or raises `NotFoundError`."""


async def check_reference(
    field: str, row_id: UUID | None, find: Find, owner_id: UUID | None
) -> None:
    """Raise `ValidationError` if the row does not exist or belongs to another owner.

    `owner_id` is the owner of the row that refers to the other row. Both rows have the same owner,
    so that one owner's rows can be deleted together.
    """
    if row_id is None:
        return
    try:
        row = await find(row_id)
    except NotFoundError:
        row = None
    if row is None or getattr(row, OWNER, owner_id) != owner_id:
        raise ValidationError("The row does not exist.", field=field, kind="unknown_reference")
