"""Base classes of all pydantic schemas, and types that several schemas share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

# PostgreSQL cannot store NUL characters, so schemas reject text that contains NUL.
NO_NUL = r"^[^\x00]*$"
# Text that consists only of whitespace is rejected, because stripping would leave an empty string.
# `\s` does not match U+0085 in JSON Schema or U+FEFF in pydantic, so the pattern lists both.
NOT_BLANK = r"^[^\x00]*[^\s\x00\x85\uFEFF][^\x00]*$"

type SearchText = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]


def _refuse_surrogates(data: Any) -> Any:
    """Raise a `ValidationError` that lists each field whose text cannot be encoded in UTF-8.

    JSON may contain one half of a surrogate pair (`"\\ud800"`). Lone surrogates cannot be hashed,
    stored or sent, but pydantic accepts them in strings without constraints.
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
    """Return whether all text in the value can be encoded in UTF-8.

    The function does not recurse, because JSON may be nested deeper than Python's recursion limit.
    """
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
    """Base class of schemas. A schema can be created from the attributes of an ORM object."""

    model_config = ConfigDict(
        from_attributes=True, str_strip_whitespace=True, validate_default=True
    )


class InputSchema(AppSchema):
    """Base class of request bodies. Unknown fields in a request body are rejected."""

    model_config = ConfigDict(extra="forbid")

    _utf8 = model_validator(mode="before")(_refuse_surrogates)


class QuerySchema(BaseModel):
    """Base class of query parameter models.

    Unknown query parameters are ignored, because proxies may add parameters to a URL.

    Starlette decodes bytes that are not UTF-8 as U+FFFD, so no parameter can contain surrogates.
    """
