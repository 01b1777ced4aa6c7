"""Python expressions with values of a field, for the examples, factories and tests of a feature."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from app_dev.feature.grammar import Field, Value

EXAMPLE_ID = "019c1333-4f40-7c1e-9d3a-5b8e2f7a6c10"


def literal(value: Value) -> str:
    """Return the value as a Python expression."""
    match value:
        case Decimal():
            return f'Decimal("{value:f}")'
        case datetime():
            return f'datetime.fromisoformat("{value.isoformat()}")'
        case date():
            return f"date({value.year}, {value.month}, {value.day})"
        case UUID():
            return f'UUID("{value}")'
        case str():
            return json.dumps(value, ensure_ascii=False)
    return repr(value)


def annotation(field: Field) -> str:
    """Return the Python type of the field's values."""
    match field.kind:
        case "str" | "text" | "enum":
            return "str"
        case "decimal":
            return "Decimal"
        case "uuid" | "ref":
            return "UUID"
        case "json":
            return "Any"
    return field.kind


def example(field: Field) -> str:  # noqa: C901, PLR0911 - one case for each type
    """Return a valid value in JSON, as a Python expression for the OpenAPI document."""
    match field.kind:
        case "str" | "text":
            text = f"Example {field.label}"
            if len(text) < field.lowest:
                text = text.ljust(int(field.lowest), "x")
            return literal(text[: int(field.highest)].strip() or "x")
        case "int":
            return str(_typical(field))
        case "float":
            return repr(float(_typical(field)))
        case "decimal":
            return f'"{_unscaled(field, _typical_scaled(field))}"'
        case "bool":
            return "True"
        case "date":
            return '"2026-01-31"'
        case "datetime":
            return '"2026-01-31T09:30:00Z"'
        case "json":
            return '{"key": "value"}'
        case "enum":
            return literal(field.choices[0])
    return f'"{EXAMPLE_ID}"'


def sample(field: Field) -> str:  # noqa: C901, PLR0911 - one case for each type
    """Return an expression for a value of the row with the number `n`, in Python's types.

    Rows with different numbers have different values, if the field has enough of them.
    """
    match field.kind:
        case "str" | "text":
            most = int(field.highest)
            if most >= len(field.label) + 12 and field.lowest <= len(field.label):
                return f'f"{field.label.capitalize()} {{n}}"'
            return f"text({int(max(field.lowest, Decimal(min(most, 12))))}, n)"
        case "int":
            return _counted(int(field.lowest), int(field.highest), 1)
        case "float":
            low, high = field.lowest, field.highest
            if high - low >= 10**6:
                start = low if field.min is not None else high if field.max is not None else 0
                sign = "-" if field.min is None and field.max is not None else "+"
                return f"{float(start)!r} {sign} n % 10**6"
            return f"{float(low)!r} + n % 1000 / 1000 * {float(high - low)!r}"
        case "decimal":
            bounds = field.scaled(field.lowest), field.scaled(field.highest)
            return f"Decimal({_counted(*bounds, 10**field.places)}).scaleb(-{field.places})"
        case "bool":
            return "True"
        case "date":
            return "date(2026, 1, 1) + timedelta(days=n)"
        case "datetime":
            return "datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n)"
        case "uuid":
            return "uuid7()"
        case "json":
            return '{"number": n}'
    return literal(field.choices[0])


def _counted(low: int, high: int, start: int) -> str:
    """Return an expression that counts upwards within the bounds, if possible from `start`."""
    begin = min(max(low, start), high)
    room = high - begin + 1
    if room < 10**6 and high - low >= room:
        begin, room = low, high - low + 1
    counted = "n" if room >= 10**6 else f"n % {room}"
    return f"{begin} + {counted}" if begin else counted


def _typical(field: Field) -> int | Decimal:
    """Return a small number within the bounds."""
    if field.lowest <= 10 <= field.highest:
        return 10
    nearest = field.lowest if field.lowest > 10 else field.highest
    return int(nearest) if field.kind == "int" else nearest


def _typical_scaled(field: Field) -> int:
    low, high = field.scaled(field.lowest), field.scaled(field.highest)
    return min(max(low, int(10 * 10**field.places)), high)


def _unscaled(field: Field, number: int) -> str:
    sign = "-" if number < 0 else ""
    digits = str(abs(number)).rjust(field.places + 1, "0")
    whole = digits[: len(digits) - field.places]
    return sign + (f"{whole}.{digits[-field.places :]}" if field.places else whole)


def accepted(field: Field) -> list[tuple[str, str]]:  # noqa: C901, PLR0911 - one case for each type
    """Return values in JSON at the limits of the field, each with the value in the response."""
    match field.kind:
        case "str" | "text":
            low, high = int(field.lowest), int(field.highest)
            return [_same(f'"x" * {size}') for size in dict.fromkeys((low, high))]
        case "int":
            return [_same(f"{bound:f}") for bound in (field.lowest, field.highest)]
        case "float":
            return [_same(repr(float(bound))) for bound in (field.lowest, field.highest)]
        case "decimal":
            bounds = [field.scaled(field.lowest), field.scaled(field.highest)]
            return [_same(f'"{_unscaled(field, bound)}"') for bound in bounds]
        case "bool":
            return [_same("True"), _same("False")]
        case "date":
            return [_same('"0001-01-01"'), _same('"9999-12-31"')]
        case "datetime":
            return [
                ('"2026-01-01T00:30:00+02:00"', '"2025-12-31T22:30:00Z"'),
                ('"2026-01-01T00:00:00.000001Z"', '"2026-01-01T00:00:00.000001Z"'),
            ]
        case "uuid":
            return [_same(f'"{EXAMPLE_ID}"')]
        case "json":
            return [_same("{}"), _same("[]"), _same('{"a": [1, 2.5, None, True, {"b": "é"}]}')]
        case "enum":
            return [_same(literal(choice)) for choice in field.choices]
    return []


def _same(value: str) -> tuple[str, str]:
    return value, value


def refused(field: Field) -> Iterator[str]:  # noqa: C901, PLR0912 - one case for each type
    """Yield values in JSON that are not valid for the field."""
    if not field.optional:
        yield "None"
    match field.kind:
        case "str" | "text":
            yield "1"
            yield r'"a\0b"'
            if not field.is_blank:
                yield '" "'
            if field.lowest > 1:
                yield f'"x" * {int(field.lowest) - 1}'
            yield f'"x" * {int(field.highest) + 1}'
        case "int":
            yield from ('"1"', "1.5", "True")
            yield f"{int(field.lowest) - 1}"
            yield f"{int(field.highest) + 1}"
        case "float":
            yield from ('"1"', "True")
            yield repr(float(field.lowest) * 2 - 1 if field.min is None else float(field.min) - 1)
            yield repr(float(field.highest) * 2 + 1 if field.max is None else float(field.max) + 1)
        case "decimal":
            yield from ("1", '"1e1"', '"NaN"', '""')
            yield f'"0.{"0" * field.places}1"'
            yield f'"{_unscaled(field, field.scaled(field.lowest) - 1)}"'
            yield f'"{_unscaled(field, field.scaled(field.highest) + 1)}"'
        case "bool":
            yield from ('"true"', "1")
        case "date":
            yield from ('"2026-02-30"', '"2026-1-1"', '"2026-01-01T00:00:00Z"', "0")
        case "datetime":
            yield from ('"2026-01-01T00:00:00"', '"0001-01-01T00:00:00+23:59"', '"2026-01-01"', "0")
        case "json":
            yield from ('"text"', "1", r'{"a": "\0"}', r'[{"\0": 1}]')
        case "enum":
            yield from ('""', '"no such value"', "1")
        case _:
            yield from ('"42"', "1")
