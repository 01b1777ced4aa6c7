"""The bases of all schemas, and the types several of them share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

# PostgreSQL cannot store NUL in text, so no schema lets it in.
NO_NUL = r"^[^\x00]*$"
# Spaces at its ends are cut off, and something has to be left.
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"

type SearchText = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]


def _refuse_surrogates(data: Any) -> Any:
    """Refuse, by its name, each field with text that UTF-8 cannot hold.

    JSON may escape half of a surrogate pair (`"\\ud800"`). Such text can be neither hashed, stored
    nor sent, and pydantic lets it pass wherever a string has no further constraint.
    """
    if isinstance(data, dict):
        names = [name for name, value in data.items() if not _is_utf8(value)]
        if names:
            raise ValidationError.from_exception_data(
                "Text",
                [{"type": "string_unicode", "loc": (name,), "input": None} for name in names],
            )
    return data


def _is_utf8(value: Any) -> bool:
    """Whether all text in it is; a loop, as JSON may nest deeper than Python may recurse."""
    values = [value]
    while values:
        match values.pop():
            case str() as text:
                try:
                    text.encode()
                except UnicodeEncodeError:
                    return False
            case list() as inner:
                values += inner
            case dict() as inner:
                values += [*inner.keys(), *inner.values()]
    return True


class AppSchema(BaseModel):
    """What leaves the service; built from a model's attributes."""

    model_config = ConfigDict(
        from_attributes=True, str_strip_whitespace=True, validate_default=True
    )


class InputSchema(AppSchema):
    """What enters it. A field nobody knows is a mistake, or an attempt: it is refused."""

    model_config = ConfigDict(extra="forbid")

    _utf8 = model_validator(mode="before")(_refuse_surrogates)


class QuerySchema(BaseModel):
    """A query string. Names nobody knows are let pass, as proxies and trackers add some.

    Its bytes that are not UTF-8 are decoded as U+FFFD, so its text needs no check.
    """
