"""Tests of `check_reference`, which decides whether a row may refer to another row."""

from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from app.core.database.references import check_reference
from app.core.errors import NotFoundError, ValidationError
from app.core.ids import uuid7


async def test_a_reference_that_is_null_is_not_looked_up() -> None:
    find = AsyncMock()

    await check_reference("customer_id", None, find, uuid7())

    find.assert_not_awaited()


@pytest.mark.parametrize("columns", [{}, {"owner_id": 5}])
async def test_accepts_a_row_without_an_owner_or_with_the_same_owner(
    columns: dict[str, object],
) -> None:
    find = AsyncMock(return_value=SimpleNamespace(**columns))

    await check_reference("customer_id", uuid7(), find, columns.get("owner_id"))  # type: ignore[arg-type]

    find.assert_awaited_once()


@pytest.mark.error_path
@pytest.mark.parametrize("owner_id", [None, 6])
async def test_rejects_the_row_of_another_owner(owner_id: int | None) -> None:
    find = AsyncMock(return_value=SimpleNamespace(owner_id=owner_id))

    with pytest.raises(ValidationError) as raised:
        await check_reference("customer_id", uuid7(), find, uuid7())

    assert raised.value.details["errors"][0]["field"] == "customer_id"


@pytest.mark.error_path
async def test_rejects_a_row_that_does_not_exist() -> None:
    find = AsyncMock(side_effect=NotFoundError("Customer", uuid7()))

    with pytest.raises(ValidationError):
        await check_reference("customer_id", uuid7(), find, None)
