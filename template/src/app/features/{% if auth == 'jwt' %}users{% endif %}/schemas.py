from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    MISSING,
    AfterValidator,
    ConfigDict,
    EmailStr,
    Field,
    SecretStr,
    StringConstraints,
)
from pydantic.config import JsonDict

from app.core.security import Role
from app.shared.filters import Sort
from app.shared.pagination import PageParams
from app.shared.schemas import NOT_BLANK, AppSchema, InputSchema, SearchText

# Kept in lower case, so that an address is one address however it is typed.
Email = Annotated[EmailStr, AfterValidator(str.lower), Field(max_length=254)]
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

    name: Name | MISSING = MISSING


class UserAdminUpdate(UserUpdate):
    """What admins may change of anyone."""

    role: Role | MISSING = MISSING
    is_active: bool | MISSING = MISSING


class PasswordChange(InputSchema):
    model_config = ConfigDict(str_strip_whitespace=False)

    current_password: SecretStr = Field(max_length=128)
    new_password: Password


class UserResponse(AppSchema):
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
