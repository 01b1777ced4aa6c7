"""The bases of all schemas, and the types several of them share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# PostgreSQL cannot store NUL in text, so no schema lets it in.
NO_NUL = r"^[^\x00]*$"
# Spaces at its ends are cut off, and something has to be left.
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"

type SearchText = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]


class AppSchema(BaseModel):
    """What leaves the service; built from a model's attributes."""

    model_config = ConfigDict(
        from_attributes=True, str_strip_whitespace=True, validate_default=True
    )


class InputSchema(AppSchema):
    """What enters it. A field nobody knows is a mistake, or an attempt: it is refused."""

    model_config = ConfigDict(extra="forbid")


class QuerySchema(BaseModel):
    """A query string. Names nobody knows are let pass, as proxies and trackers add some."""
