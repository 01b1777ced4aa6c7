"""Types of the fields in request bodies, each as strict as its JSON schema."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema

MAX_INTEGER = 2**53 - 1
"""The largest integer that JSON clients read exactly (RFC 8259, section 6). Columns have 64 bits."""

MAX_FLOAT = 1e300

MAX_JSON_DEPTH = 50
"""Maximum nesting of lists and objects in a JSON field."""

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
PLAIN_DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def _check_integer(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("Send an integer.")  # noqa: TRY004 - pydantic expects it
    return value


@dataclass(frozen=True)
class WholeNumber:
    """Annotation of an `int` that rejects `true` and `"1"`, which pydantic would convert.

    `1.0` is accepted, because it is an integer in JSON Schema.
    """

    minimum: int = -MAX_INTEGER
    maximum: int = MAX_INTEGER

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> Any:
        # In the JSON schema, bounds that follow a validator have no effect.
        bounds = Field(ge=self.minimum, le=self.maximum)
        return handler.generate_schema(Annotated[int, bounds, BeforeValidator(_check_integer)])


Integer = Annotated[int, WholeNumber()]
# Pydantic would otherwise accept `true` and `"1"` as a number or a boolean.
Float = Annotated[float, Field(strict=True, ge=-MAX_FLOAT, le=MAX_FLOAT)]
Boolean = Annotated[bool, Field(strict=True)]


def _check_day(value: Any) -> Any:
    """Reject other forms, because pydantic would read a number as a Unix time."""
    if not isinstance(value, date) and not (isinstance(value, str) and DAY.fullmatch(value)):
        raise ValueError("Write the date as YYYY-MM-DD.")
    return value


def _check_time(value: Any) -> Any:
    if not isinstance(value, datetime) and not (isinstance(value, str) and TIME.fullmatch(value)):
        raise ValueError("Write the time as in RFC 3339, with a time zone.")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("The time is outside the years 1 to 9999 in UTC.") from exc


Date = Annotated[date, BeforeValidator(_check_day)]
DateTime = Annotated[datetime, AfterValidator(_to_utc), BeforeValidator(_check_time)]


def _check_json(value: Any) -> Any:
    """Reject JSON that the database cannot store, or that Python could not read recursively."""
    if not isinstance(value, dict | list):
        raise ValueError("Send an object or an array.")  # noqa: TRY004 - pydantic expects it
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH):
        if not level:
            return value
        inner: list[Any] = []
        for part in level:
            match part:
                case dict():
                    inner += [*part.keys(), *part.values()]
                case list():
                    inner += part
                case str() if "\0" in part:
                    raise ValueError("Text must not contain NUL characters.")
                case float() if not isfinite(part):
                    raise ValueError("NaN and Infinity are not JSON.")
                case int() if abs(part) > MAX_INTEGER:
                    raise ValueError(f"Integers must be from -{MAX_INTEGER} to {MAX_INTEGER}.")
        level = inner
    raise ValueError(f"Objects and arrays must be nested at most {MAX_JSON_DEPTH} levels deep.")


Json = Annotated[
    Any,
    BeforeValidator(_check_json),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array", "items": {}}]}),
    # The contract test may not expect that every value of this schema is accepted.
    Field(json_schema_extra={"x-further-rules": True}),
]


def reference(resource: str) -> Any:
    """Return the description of a field that contains the id of a row, such as of `customers`."""
    return Field(
        description=f"ID of one of the {resource}.", json_schema_extra={"x-further-rules": True}
    )


@dataclass(frozen=True)
class DecimalString:
    """Annotation of a `Decimal` that travels as a string, because JSON numbers may be rounded."""

    digits: int
    places: int
    minimum: str | None = None
    maximum: str | None = None

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> Any:
        number = Field(
            max_digits=self.digits,
            decimal_places=self.places,
            ge=None if self.minimum is None else Decimal(self.minimum),
            le=None if self.maximum is None else Decimal(self.maximum),
        )
        validators = BeforeValidator(self._check), AfterValidator(self._quantize)
        return handler.generate_schema(Annotated[Decimal, number, *validators])

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> JsonSchemaValue:
        decimals = rf"(\.[0-9]{{1,{self.places}}})?" if self.places else ""
        whole = max(self.digits - self.places, 1)
        has_bounds = self.minimum is not None or self.maximum is not None
        schema: JsonSchemaValue = {
            "type": "string",
            "pattern": rf"^-?[0-9]{{1,{whole}}}{decimals}$",
        }
        return schema | ({"x-further-rules": True} if has_bounds else {})

    def _check(self, value: Any) -> Any:
        if isinstance(value, Decimal) or (
            isinstance(value, str) and PLAIN_DECIMAL.fullmatch(value.strip())
        ):
            return value
        raise ValueError('Write the decimal as a string, such as "12.50".')

    def _quantize(self, value: Decimal) -> Decimal:
        """Return the value with all its decimals, as the database returns it, and without `-0`."""
        context = Context(prec=self.digits + 1)
        return context.plus(value.quantize(Decimal((0, (1,), -self.places)), context=context))
