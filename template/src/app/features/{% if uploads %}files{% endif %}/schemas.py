import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.shared.fields import WholeNumber
from app.shared.filters import Sort
from app.shared.pagination import PageParams
from app.shared.schemas import AppSchema, InputSchema, SearchText

MAX_LENGTH = 255
# Control characters, line separators and format characters (Unicode categories Cc, Zl, Zp and Cf).
# Format characters are invisible. For example, U+202E reverses the text after it.
CONTROL = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b"
    r"\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001-\U000e007f"
)
# Persian names and emoji contain these two format characters, so they are removed.
JOINERS = r"\u200c\u200d"
# A path whose last part contains more than dots and whitespace, for the OpenAPI document.
FILENAME = rf"^[^{CONTROL}]*[^\s./\\{CONTROL}{JOINERS}][^/\\{CONTROL}]*$"


def clean_filename(text: str) -> str:
    """Return the last part of the path, because some clients send a path as the file's name.

    Raises `ValueError` if this part is too long or contains only dots and whitespace, or if the
    path contains control or format characters.
    """
    # Matching FILENAME takes time that grows with the square of the length, unlike these checks.
    name = re.sub(f"[{JOINERS}]", "", re.split(r"[/\\]", text)[-1]).strip()
    if re.search(f"[{CONTROL}]", text) or re.fullmatch(r"[\s.]*", name):
        raise ValueError("should be a name without control and format characters")
    if len(name) > MAX_LENGTH:
        raise ValueError(f"should have at most {MAX_LENGTH} characters")
    return name


Filename = Annotated[
    str,
    AfterValidator(clean_filename),
    Field(json_schema_extra={"pattern": FILENAME, "maxLength": MAX_LENGTH}),
]

EXAMPLE: JsonDict = {
    "id": "019c1333-4f40-7c1e-9d3a-5b8e2f7a6c10",
    "filename": "receipt.pdf",
    "content_type": "application/pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": "2026-01-31T09:30:00Z",
}


class FileResponse(AppSchema):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    filename: str = Field(description="The file's name, as the client has sent it.")
    content_type: str = Field(description="Media type, detected from the content.")
    size: int = Field(description="Size in bytes.")
    sha256: str = Field(description="SHA-256 hash of the content, in hexadecimal.")
    created_at: datetime


class FileListParams(PageParams):
    q: SearchText | None = Field(None, description="Case-insensitive substring of the file's name.")
    sort: Literal["created_at", "-created_at", "filename", "-filename"] = "-created_at"

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)


class PresignRequest(InputSchema):
    """The name, type and size of a file that the client will upload directly to the store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{name: EXAMPLE[name] for name in ("filename", "content_type", "size")}]
        }
    )

    filename: Filename
    content_type: Annotated[str, StringConstraints(to_lower=True, max_length=100)]
    size: Annotated[int, WholeNumber(minimum=1)] = Field(description="Exact size in bytes.")


class PresignResponse(AppSchema):
    """A URL for one upload. After the upload, call `POST /api/v1/files/{id}/complete`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE["id"],
                    "url": "https://s3.example.com/bucket/incoming/019c1333?X-Amz-Signature=…",
                    "method": "PUT",
                    "headers": {"Content-Type": "application/pdf"},
                    "expires_at": "2026-01-31T10:30:00Z",
                }
            ]
        }
    )

    id: UUID
    url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str] = Field(description="Headers that the client sends with the upload.")
    expires_at: datetime
