from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.shared.filters import Sort
from app.shared.pagination import PageParams
from app.shared.schemas import NO_NUL, AppSchema, InputSchema, SearchText

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Description = Annotated[str, StringConstraints(max_length=2000, pattern=NO_NUL)]

EXAMPLE: JsonDict = {
    "title": "Write the report",
    "description": "With figures of the third quarter",
}


class ItemCreate(InputSchema):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    title: Title
    description: Description | None = None


class ItemUpdate(InputSchema):
    """A field that is absent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Send the report"}]})

    title: Title | MISSING = MISSING
    description: Description | None | MISSING = MISSING


class ItemResponse(AppSchema):
    id: UUID
    title: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class ItemListParams(PageParams):
    q: SearchText | None = Field(None, description="Part of the title, in any case.")
    sort: Literal["created_at", "-created_at", "title", "-title"] = "-created_at"

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)
