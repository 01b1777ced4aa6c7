"""Parses `NAME` and `FIELD:TYPE[:MODIFIER…][=DEFAULT]` into a `Feature`.

Every function raises `FeatureError` with one line that names the wrong part.
"""

import json
import keyword
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from pydantic import BaseModel

from app_dev.feature.columns import MAX_DIGITS, SCALED_DECIMALS

type Value = str | int | float | bool | Decimal | date | UUID | list[object] | dict[str, object]

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ENUM_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
CALL = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

TYPES = (
    "str, str(N), text, int, float, decimal, decimal(P,S), bool, date, datetime, uuid, json,"
    " enum(a,b,c), ref(feature)"
)
MODIFIERS = "optional, unique, index, min(N), max(N), search, sort"
KINDS = {part.strip().partition("(")[0] for part in TYPES.split(", ")}

NUMBERS = {"int", "float", "decimal"}
TEXTS = {"str", "text"}

MAX_INTEGER = 2**53 - 1
MAX_FLOAT = 1e300
MAX_STR = 10_000
MAX_TEXT = 50_000
MAX_INDEXED_STR = 600
"""Maximum length of an indexed text, because an index entry may have about 2700 bytes."""

MIN_UNIQUE_VALUES = 1000
"""Number of values that a unique column must allow, so that rows do not run out of values."""

MAX_IDENTIFIER = 63
"""Maximum length of the name of a table or constraint, in bytes."""

# Columns that every table has, and names that the generated code uses for something else.
RESERVED_FIELDS = {
    *("id", "created_at", "updated_at", "owner", "owner_id", "metadata", "registry", "pk"),
    *("str", "int", "float", "bool", "bytes", "list", "dict", "set", "date", "datetime"),
}
RESERVED_NAMES = {
    *("api_router", "annotated", "any", "base_repository", "bool", "check_constraint", "cls"),
    *("config_dict", "conflict_error", "conflicts", "date", "datetime", "decimal", "depends"),
    *("entity", "feed", "feed_params", "feed_response", "field", "float", "foreign_key", "index"),
    *("int", "integer", "json", "json_dict", "json_value", "literal", "mapped", "model", "none"),
    *("not_found_error", "numeric", "page", "page_params", "paginated_response", "query"),
    *("request", "resource", "response", "role", "scope", "self", "sort", "str", "string"),
    *("table", "test", "text", "unit", "uuid", "data", "params", "service", "status"),
}
SQL_WORDS = re.findall(
    r"\w+",
    "all analyse analyze and any array as asc asymmetric authorization between binary both case cast"
    " check collate collation column concurrently constraint create cross current_catalog"
    " current_date current_role current_schema current_time current_timestamp current_user default"
    " deferrable desc distinct do else end except exists false fetch filter for foreign freeze from"
    " full grant group having if ilike in index initially inner intersect interval into is isnull"
    " join key lateral leading left like limit localtime localtimestamp match natural not notnull"
    " null offset on only or order outer over overlaps placing plan position primary query"
    " references release rename replace returning right rollback row select session_user set"
    " similar some symmetric table tablesample temp then time timestamp to trailing transaction"
    " true trigger union unique update user using values vacuum variadic verbose view virtual when"
    " where window with without",
)
"""Words that SQL requires in quotes if they name a column."""


INVALID_VALUE = (ValueError, OverflowError, RecursionError)
"""The errors of parsing a default that is not valid."""


class FeatureError(Exception):
    """Raised with one line for the user if a feature cannot be written or removed."""


@dataclass(frozen=True)
class Target:
    """The feature to which a field refers."""

    name: str
    folder: str
    is_owned: bool


@dataclass(frozen=True)
class Field:
    """A column of the feature, and the property of its schemas."""

    name: str
    kind: str
    length: int | None = None
    digits: int = 0
    places: int = 0
    choices: tuple[str, ...] = ()
    target: Target | None = None
    optional: bool = False
    unique: bool = False
    index: bool = False
    search: bool = False
    sort: bool = False
    min: Decimal | None = None
    max: Decimal | None = None
    default: Value | None = None

    @property
    def column(self) -> str:
        return f"{self.name}_id" if self.target else self.name

    @property
    def label(self) -> str:
        """The name in a sentence, such as `due date`."""
        return self.name.replace("_", " ")

    @property
    def is_required(self) -> bool:
        return not self.optional and self.default is None

    @property
    def is_blank(self) -> bool:
        """Whether a text may consist of whitespace, or be empty."""
        return self.optional

    @property
    def lowest(self) -> Decimal:
        """The smallest number, or the smallest length of a text."""
        if self.kind in TEXTS:
            return self.min or Decimal(0 if self.is_blank else 1)
        return self.min if self.min is not None else self._limit.copy_negate()

    @property
    def highest(self) -> Decimal:
        """The largest number, or the largest length of a text."""
        return self.max if self.max is not None else self._limit

    @property
    def _limit(self) -> Decimal:
        match self.kind:
            case "str":
                return Decimal(self.length or 0)
            case "text":
                return Decimal(MAX_TEXT)
            case "int":
                return Decimal(MAX_INTEGER)
            case "float":
                return Decimal(MAX_FLOAT)
        return Decimal((0, (9,) * self.digits, -self.places))

    def scaled(self, value: Decimal) -> int:
        """Return a decimal as a number of the smallest units."""
        return int(Fraction(value) * 10**self.places)

    @property
    def values(self) -> int:
        """The number of values that the column allows, for numbers and texts."""
        if self.kind in TEXTS:
            return int(36 ** min(self.highest, Decimal(12)))
        if self.kind == "float":
            return MAX_INTEGER if self.highest > self.lowest else 1
        return self.scaled(self.highest) - self.scaled(self.lowest) + 1

    @property
    def check(self) -> str | None:
        """The condition of the column's CHECK constraint in SQL, or None if there is none."""
        column = f'"{self.column}"' if self.column in SQL_WORDS else self.column
        if self.kind == "enum":
            return f"{column} IN ({', '.join(f"'{choice}'" for choice in self.choices)})"
        if self.kind in TEXTS:
            column = f"length({column})"
        bounds = ((">=", self.min), ("<=", self.max))
        return (
            " AND ".join(
                f"{column} {sign} {self._in_sql(bound)}"
                for sign, bound in bounds
                if bound is not None
            )
            or None
        )

    def _in_sql(self, bound: Decimal) -> str:
        if self.kind == "decimal" and SCALED_DECIMALS:
            return str(self.scaled(bound))
        return f"{bound:f}"


def class_name(name: str) -> str:
    """Return a name in snake case as the name of a class, such as `LineItem`."""
    return "".join(part.capitalize() for part in name.split("_"))


@dataclass(frozen=True)
class Feature:
    """A feature with the names that its files use."""

    name: str
    plural: str
    fields: tuple[Field, ...]
    arguments: tuple[str, ...]
    """The arguments of the command that writes the feature."""
    public: bool = False
    events: bool = True
    cache: bool = True

    @property
    def class_name(self) -> str:
        return class_name(self.name)

    @property
    def path(self) -> str:
        return self.plural.replace("_", "-")

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")

    @property
    def labels(self) -> str:
        return self.plural.replace("_", " ")

    @property
    def article(self) -> str:
        return "an" if self.name[0] in "aeiou" else "a"

    @property
    def references(self) -> list[Field]:
        return [field for field in self.fields if field.target]

    def having(self, attribute: str) -> list[Field]:
        """Return the fields for which a property such as `unique` is true."""
        return [field for field in self.fields if getattr(field, attribute)]

    def of(self, *kinds: str) -> list[Field]:
        return [field for field in self.fields if field.kind in kinds]


@dataclass(frozen=True)
class Options:
    """The options of the command that decide what is written."""

    plural: str | None = None
    public: bool = False
    events: bool = True
    cache: bool = True


type FindTarget = Callable[[str], Target]
"""Returns the feature with a name, or raises `FeatureError`."""


def parse_feature(
    name: str,
    specs: Iterable[str],
    options: Options,
    find_target: FindTarget,
    is_taken: Callable[[str], bool] = lambda _: False,
) -> Feature:
    """Parse the name and the fields. `is_taken` returns whether the ORM uses a field's name."""
    plural = options.plural if options.plural is not None else f"{name}s"
    check_name(name, plural)
    specs = list(specs)
    fields = [parse_field(spec, find_target) for spec in specs]
    if not fields:
        raise FeatureError(f"{name}: a feature needs at least one field, such as 'title:str'")
    columns = [field.column for field in fields]
    for field in fields:
        if columns.count(field.column) > 1:
            raise FeatureError(f"{field.column}: two fields have this name")
        if field.column in RESERVED_FIELDS or hasattr(BaseModel, field.column):
            raise FeatureError(f"{field.column}: the generated code uses this name")
        if is_taken(field.column) or (field.target and is_taken(field.name)):
            raise FeatureError(f"{field.column}: the database models use this name")
        if field.target and options.public and field.target.is_owned:
            raise FeatureError(
                f"{field.name}: a public feature cannot refer to {field.target.name},"
                " whose rows belong to users"
            )
        if len(f"fk_{plural}_{field.column}_{plural}") > MAX_IDENTIFIER or (
            field.target
            and len(f"fk_{plural}_{field.column}_{field.target.folder}") > MAX_IDENTIFIER
        ):
            raise FeatureError(f"{field.name}: the names of its constraints would be too long")
    arguments = [name, *specs]
    if options.plural is not None:
        arguments.append(f"--plural={plural}")
    flags = {"--public": options.public, "--no-events": not options.events}
    flags["--no-cache"] = not options.cache
    arguments += [flag for flag, is_set in flags.items() if is_set]
    return Feature(
        name,
        plural,
        tuple(fields),
        tuple(arguments),
        options.public,
        options.events,
        options.cache,
    )


def check_name(name: str, plural: str) -> None:
    for text, what in ((name, "name"), (plural, "plural")):
        if not NAME.fullmatch(text) or len(text) > 40:
            raise FeatureError(
                f"{text!r} is not a {what}: write it in snake case, such as line_item,"
                " with at most 40 characters"
            )
        if keyword.iskeyword(text) or keyword.issoftkeyword(text) or text in RESERVED_NAMES:
            raise FeatureError(f"{text}: the generated code uses this name")
    if name == plural:
        raise FeatureError(f"{name}: the plural must differ from the name, because both are used")


def parse_field(spec: str, find_target: FindTarget) -> Field:
    """Parse `FIELD:TYPE[:MODIFIER…][=DEFAULT]`."""
    if "\\" in spec or '"""' in spec or not spec.isprintable():
        raise FeatureError(f"{spec!r}: a field contains no backslash and no control characters")
    declaration, has_default, default = spec.partition("=")
    name, *parts = _split(declaration)
    if not NAME.fullmatch(name) or len(name) > 40:
        raise FeatureError(
            f"{spec!r}: {name!r} is not a field name: write it in snake case, such as due_date,"
            " with at most 40 characters"
        )
    if keyword.iskeyword(name):
        raise FeatureError(f"{name}: Python uses this name")
    if not parts:
        raise FeatureError(f"{name}: has no type; a field is FIELD:TYPE, such as {name}:str")
    field = _with_type(name, parts[0], find_target)
    for modifier in parts[1:]:
        field = _with_modifier(field, modifier)
    _check(field)
    if has_default:
        field = replace(field, default=_default(field, default))
    return field


def _split(declaration: str) -> list[str]:
    """Split the text at the colons outside parentheses."""
    return re.split(r":(?![^(]*\))", declaration)


def _call(text: str, name: str) -> tuple[str, str | None]:
    match = CALL.fullmatch(text)
    if match is None:
        raise FeatureError(f"{name}: {text!r} is neither a type nor a modifier")
    return match[1], match[2]


def _with_type(name: str, text: str, find_target: FindTarget) -> Field:  # noqa: C901 - each type
    kind, argument = _call(text, name) if text else ("", None)
    if kind not in KINDS:
        raise FeatureError(f"{name}: there is no type {text!r}\nThe types are {TYPES}.")
    match kind:
        case "str":
            length = 255 if argument is None else _whole(name, text, argument)
            if not 1 <= length <= MAX_STR:
                raise FeatureError(f"{name}: the length in {text} must be from 1 to {MAX_STR}")
            return Field(name, kind, length=length)
        case "decimal":
            digits, places = 18, 6
            if argument is not None:
                given = argument.split(",")
                if len(given) != 2:
                    raise FeatureError(f"{name}: write {text} as decimal(P,S): digits, decimals")
                digits, places = (_whole(name, text, part) for part in given)
            if not (1 <= digits <= MAX_DIGITS and 0 <= places <= digits):
                raise FeatureError(
                    f"{name}: {text} must have 1 to {MAX_DIGITS} digits, and no more decimals"
                )
            return Field(name, kind, digits=digits, places=places)
        case "enum":
            return Field(name, kind, choices=_choices(name, text, argument))
        case "ref":
            if not argument or not NAME.fullmatch(argument.strip()):
                raise FeatureError(f"{name}: write {text} as ref(feature), such as ref(customer)")
            return Field(name, kind, target=find_target(argument.strip()), index=True)
    if argument is not None:
        raise FeatureError(f"{name}: the type {kind} takes no argument")
    return Field(name, kind)


def _choices(name: str, text: str, argument: str | None) -> tuple[str, ...]:
    choices = tuple(choice.strip() for choice in (argument or "").split(","))
    if wrong := [choice for choice in choices if not ENUM_VALUE.fullmatch(choice)]:
        raise FeatureError(
            f"{name}: {wrong[0]!r} in {text} is not a value of letters, digits, - and _"
        )
    if len(set(choices)) < len(choices):
        raise FeatureError(f"{name}: {text} names a value twice")
    if max(map(len, choices)) > 100:
        raise FeatureError(f"{name}: a value of an enum has at most 100 characters")
    return choices


def _whole(name: str, text: str, argument: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", argument.strip()):
        raise FeatureError(f"{name}: {argument.strip()!r} in {text} is not a whole number")
    return int(argument)


def _with_modifier(field: Field, text: str) -> Field:
    modifier, argument = _call(text, field.name) if text else ("", None)
    if modifier in {"min", "max"}:
        if getattr(field, modifier) is not None:
            raise FeatureError(f"{field.name}: {modifier} is given twice")
        return _with_bound(field, modifier, text, argument)
    if modifier not in {"optional", "unique", "index", "search", "sort"}:
        raise FeatureError(
            f"{field.name}: there is no modifier {text!r}\nThe modifiers are {MODIFIERS}."
        )
    if argument is not None:
        raise FeatureError(f"{field.name}: the modifier {modifier} takes no argument")
    if getattr(field, modifier) and not field.target:
        raise FeatureError(f"{field.name}: {modifier} is given twice")
    match modifier:
        case "optional":
            return replace(field, optional=True)
        case "unique":
            return replace(field, unique=True)
        case "index":
            return replace(field, index=True)
        case "search":
            return replace(field, search=True)
    return replace(field, sort=True)


def _with_bound(field: Field, modifier: str, text: str, argument: str | None) -> Field:
    if field.kind not in NUMBERS | TEXTS:
        raise FeatureError(f"{field.name}: a field of type {field.kind} has no {modifier}")
    if argument is None or not NUMBER.fullmatch(argument.strip()):
        raise FeatureError(f"{field.name}: write {text} as {modifier}(N), with a number N")
    bound = Decimal(argument.strip())
    if field.kind in {"int", *TEXTS} and "." in argument:
        raise FeatureError(f"{field.name}: {text} must be a whole number")
    if field.kind in TEXTS and bound < 0:
        raise FeatureError(f"{field.name}: {text} is the length of a text, which is not negative")
    if field.kind == "decimal" and _decimals(argument) > field.places:
        raise FeatureError(f"{field.name}: {text} has more than {field.places} decimals")
    unbounded = replace(field, min=None, max=None)
    if bound.copy_abs() > unbounded.highest:
        raise FeatureError(f"{field.name}: {text} is outside the type {field.kind}")
    if modifier == "min":
        return replace(field, min=bound)
    return replace(field, max=bound)


def _check(field: Field) -> None:
    """Refuse modifiers that do not fit the type or each other."""
    name, kind = field.name, field.kind
    if kind in NUMBERS | TEXTS and field.lowest > field.highest:
        raise FeatureError(f"{name}: no value is from {field.lowest:f} to {field.highest:f}")
    if field.search and kind not in TEXTS:
        raise FeatureError(f"{name}: search needs the type str or text, not {kind}")
    if field.sort and kind in {"json", "ref"}:
        raise FeatureError(f"{name}: rows cannot be sorted by a field of type {kind}")
    if not (field.unique or field.index) or field.target:
        return
    if kind in {"json", "text"}:
        raise FeatureError(f"{name}: a field of type {kind} is neither unique nor indexed")
    if kind == "str" and (field.length or 0) > MAX_INDEXED_STR:
        raise FeatureError(
            f"{name}: an indexed text has at most {MAX_INDEXED_STR} characters,"
            f" as with str({MAX_INDEXED_STR})"
        )
    few = kind in {"bool", "enum"} or (kind in NUMBERS | TEXTS and field.values < MIN_UNIQUE_VALUES)
    if field.unique and few:
        raise FeatureError(
            f"{name}: a unique field needs room for at least {MIN_UNIQUE_VALUES} values"
        )


def _default(field: Field, text: str) -> Value:
    """Parse the default, which must be a valid value of the field."""
    if field.target:
        raise FeatureError(f"{field.name}: a field of type ref has no default")
    if field.unique:
        raise FeatureError(
            f"{field.name}: a unique field has no default, which only one row could use"
        )
    try:
        value = _value(field, text)
    except INVALID_VALUE:
        raise FeatureError(
            f"{field.name}: the default {text!r} is not a value of type {field.kind}"
        ) from None
    if field.kind in NUMBERS | TEXTS:
        size = Decimal(len(value)) if isinstance(value, str) else Decimal(str(value))
        if not field.lowest <= size <= field.highest:
            raise FeatureError(
                f"{field.name}: the default {text!r} is not from {field.lowest:f} to"
                f" {field.highest:f}" + (" characters long" if field.kind in TEXTS else "")
            )
    return value


def _value(field: Field, text: str) -> Value:  # noqa: C901, PLR0911 - one case for each type
    """Return the value that the text denotes. Raise `ValueError` for an invalid text."""
    match field.kind:
        case "str" | "text":
            if text != text.strip():
                raise ValueError(text)
            return text
        case "int" | "float" | "decimal":
            return _number(field, text)
        case "bool" if text in {"true", "false"}:
            return text == "true"
        case "date" if DAY.fullmatch(text):
            return date.fromisoformat(text)
        case "datetime" if TIME.fullmatch(text):
            return datetime.fromisoformat(text)
        case "uuid":
            return UUID(text)
        case "enum" if text in field.choices:
            return text
        case "json":
            value = json.loads(text, parse_constant=_refuse_constant)
            if isinstance(value, list | dict):
                return value
    raise ValueError(text)


def _number(field: Field, text: str) -> Value:
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    number = Decimal(text)
    if field.kind == "decimal":
        if _decimals(text) > field.places:
            raise ValueError(text)
        return number
    if field.kind == "float":
        if not math.isfinite(float(text)):
            raise ValueError(text)
        return float(text)
    return int(text)


def _decimals(text: str) -> int:
    """Return the number of decimals, without zeros at the end."""
    return len(text.strip().partition(".")[2].rstrip("0"))


def _refuse_constant(text: str) -> None:
    raise ValueError(text)
