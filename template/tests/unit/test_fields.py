"""Tests of the field types in `app.shared.fields`, which are as strict as their JSON schemas."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from app.shared.fields import (
    MAX_INTEGER,
    MAX_JSON_DEPTH,
    Boolean,
    Date,
    DateTime,
    DecimalString,
    Float,
    Integer,
    Json,
    reference,
)

Price = Annotated[Decimal, DecimalString(6, 2)]
Share = Annotated[Decimal, DecimalString(3, 2, minimum="0", maximum="1")]
Whole = Annotated[Decimal, DecimalString(3, 0)]
Customer = Annotated[UUID, reference("customers")]


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Integer, MAX_INTEGER, MAX_INTEGER),
        (Integer, 2.0, 2),
        (Float, 1, 1.0),
        (Boolean, False, False),
        (Date, "2026-01-31", date(2026, 1, 31)),
        (DateTime, "2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        (DateTime, "2026-01-31T09:30:00+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
        (Json, {"a": [1, None, "é"]}, {"a": [1, None, "é"]}),
        (Price, "-9999.99", Decimal("-9999.99")),
        (Share, "1", Decimal("1.00")),
        (Whole, "999", Decimal(999)),
    ],
)
def test_accepts_a_valid_value(kind: Any, value: object, expected: object) -> None:
    assert TypeAdapter[Any](kind).validate_python(value) == expected


def test_accepts_the_deepest_allowed_json() -> None:
    value = nested(MAX_JSON_DEPTH - 1)

    assert TypeAdapter[Any](Json).validate_python(value) == value


@pytest.mark.parametrize(("text", "expected"), [("5", "5.00"), ("0.5", "0.50"), ("-0", "0.00")])
def test_a_decimal_has_all_its_decimals(text: str, expected: str) -> None:
    assert str(TypeAdapter[Any](Price).validate_python(text)) == expected


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Integer, True),
        (Integer, "1"),
        (Integer, MAX_INTEGER + 1),
        (Float, float("inf")),
        (Float, "1"),
        (Boolean, 1),
        (Date, 0),
        (Date, "2026-02-30"),
        (Date, "20260131"),
        (DateTime, "2026-01-31T09:30:00"),
        (DateTime, "2026-01-31"),
        (DateTime, 0),
        (DateTime, "0001-01-01T00:00:00+23:59"),
        (Json, "text"),
        (Json, None),
        (Json, {"a": "\0"}),
        (Json, [float("nan")]),
        (Json, [10**30]),
        (Price, 1.5),
        (Price, "1.505"),
        (Price, "10000"),
        (Price, "1e3"),
        (Price, "NaN"),
        (Price, ""),
        (Share, "1.01"),
        (Share, "-0.01"),
        (Whole, "0.5"),
        (Customer, "42"),
    ],
)
def test_rejects_an_invalid_value(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](kind).validate_python(value)


@pytest.mark.error_path
@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH, 900])
def test_rejects_json_that_is_nested_too_deeply(depth: int) -> None:
    with pytest.raises(ValidationError, match="levels deep"):
        TypeAdapter[Any](Json).validate_python(nested(depth))


def test_the_json_schema_of_a_decimal_is_a_string_with_a_pattern() -> None:
    assert TypeAdapter[Any](Price).json_schema() == {
        "type": "string",
        "pattern": r"^-?[0-9]{1,4}(\.[0-9]{1,2})?$",
    }
