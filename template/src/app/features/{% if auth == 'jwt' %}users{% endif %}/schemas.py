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
    """The one spelling under which an address is stored, looked up and counted.

    Blanks around it are removed, composed letters (NFC) replace decomposed ones, a domain is
    written in Unicode and not as `xn--…`, and all is in lower case. Raises `ValueError` for what
    is no address, also for one with a name (`Ann <ann@example.com>`).
    """
    if text.rstrip().endswith(">"):
        raise ValueError("An e-mail address is expected, without a name or angle brackets")
    _, address = validate_email(text)
    return address.lower()


def login_name(text: str) -> str:
    """The normalised address; of other text a spelling that belongs to no account.

    A login with it is looked up and counted like any other, so it takes as long.
    """
    try:
        return normalize_email(text)
    except ValueError:
        return text.lower()


def _reachable_email(text: str) -> str:
    """An address that any mail server can deliver to.

    A domain outside ASCII has an ASCII form. A local part has none: it needs SMTPUTF8 on every
    server on the way, which many do not offer.
    """
    address = normalize_email(text)
    if not address.rpartition("@")[0].isascii():
        raise ValueError("Before the @, only ASCII characters are accepted")
    return address


Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}),
    AfterValidator(_reachable_email),
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
    # A space at an end belongs to a password.
    model_config = ConfigDict(str_strip_whitespace=False, json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    name: Name
    password: Password


class UserUpdate(InputSchema):
    """What users may change of themselves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ann"}]})

    name: Name | MISSING = MISSING


class UserAdminUpdate(UserUpdate):
    """What admins may change of anyone."""

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
    q: SearchText | None = Field(None, description="Part of the e-mail address, in any case.")
    sort: Literal["created_at", "-created_at", "email", "-email"] = "-created_at"

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)
