from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    MISSING,
    AfterValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    validate_email,
)
from pydantic.config import JsonDict

from app.core.security import Role
from app.shared.filters import Sort
from app.shared.pagination import PageParams
from app.shared.schemas import NOT_BLANK, AppSchema, InputSchema, SearchText


def normalize_email(text: str) -> str:
    """Return the normalized form in which an e-mail address is stored, looked up and rate-limited.

    Normalization removes surrounding whitespace, converts Unicode to NFC, decodes the domain from
    `xn--…` to Unicode, and converts all letters to lower case.

    Raises `ValueError` if the text is not an e-mail address, or contains a display name, as in
    `Ann <ann@example.com>`.
    """
    if text.rstrip().endswith(">"):
        raise ValueError("The e-mail address must not have a display name or angle brackets")
    _, address = validate_email(text)
    return address.lower()


def login_name(text: str) -> str:
    """Normalize the text if it is an e-mail address, otherwise convert the text to lower case.

    Text that is not an e-mail address is accepted, so that login attempts with such text are
    counted and take as long as any other login attempt.
    """
    try:
        return normalize_email(text)
    except ValueError:
        return text.lower()


def _deliverable_email(text: str) -> str:
    """Return the normalized address, or raise `ValueError` for non-ASCII text before the `@`.

    A domain with non-ASCII characters also has an ASCII form (`xn--…`). Non-ASCII characters before
    the `@` have no ASCII form, so every mail server on the way would have to support SMTPUTF8
    (RFC 6531). Many mail servers do not support SMTPUTF8.
    """
    address = normalize_email(text)
    if not address.rpartition("@")[0].isascii():
        raise ValueError("Only ASCII characters are accepted before the @")
    return address


Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}),
    AfterValidator(_deliverable_email),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NOT_BLANK),
]
Password = Annotated[SecretStr, Field(min_length=8, max_length=128)]

EXAMPLE: JsonDict = {
    "email": "ann@example.com",
    "name": "Ann",
    "password": "correct horse battery staple",
}


class UserCreate(InputSchema):
    # Do not strip whitespace, because leading and trailing spaces are part of a password.
    model_config = ConfigDict(str_strip_whitespace=False, json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    name: Name
    password: Password


class UserUpdate(InputSchema):
    """Changes that a user may make to their own account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ann"}]})

    name: Name | MISSING = MISSING


class UserAdminUpdate(UserUpdate):
    """Changes that an admin may make to any account."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ann", "role": "admin", "is_active": True}]}
    )

    role: Role | MISSING = MISSING
    is_active: bool | MISSING = MISSING


class PasswordChange(InputSchema):
    model_config = ConfigDict(
        str_strip_whitespace=False,
        json_schema_extra={
            "examples": [
                {
                    "current_password": "correct horse battery staple",
                    "new_password": "seven bridges over one river",
                }
            ]
        },
    )

    current_password: SecretStr = Field(max_length=128)
    new_password: Password


class UserResponse(AppSchema):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019c1333-0b20-7a44-8c61-2d9f4e7b5a03",
                    "email": "ann@example.com",
                    "name": "Ann",
                    "role": "user",
                    "is_active": True,
                    "created_at": "2026-01-31T09:30:00Z",
                }
            ]
        }
    )

    id: UUID
    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime


class UserListParams(PageParams):
    q: SearchText | None = Field(None, description="Part of the e-mail address, ignoring case.")
    sort: Literal["created_at", "-created_at", "email", "-email"] = "-created_at"

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)
