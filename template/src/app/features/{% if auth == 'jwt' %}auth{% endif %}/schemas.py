from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from app.features.users.schemas import login_name
from app.shared.schemas import NO_NUL, AppSchema, InputSchema

EXAMPLE_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTljIn0.c2lnbmF0dXJl"  # noqa: S105


class TokenRequest(InputSchema):
    """OAuth2 password form (RFC 6749, section 4.3.2). `username` is the user's e-mail address."""

    model_config = ConfigDict(
        str_strip_whitespace=False,
        json_schema_extra={
            "examples": [
                {"username": "ann@example.com", "password": "correct horse battery staple"}
            ]
        },
    )

    username: Annotated[str, Field(max_length=254, pattern=NO_NUL), AfterValidator(login_name)]
    password: SecretStr = Field(max_length=1024)
    # OAuth2 clients may send the following fields, which the service accepts but ignores.
    grant_type: Literal["password"] | None = None
    scope: str = ""
    client_id: str | None = None
    client_secret: SecretStr | None = None


class RefreshRequest(InputSchema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": EXAMPLE_TOKEN}]})

    refresh_token: SecretStr = Field(max_length=4096)


class TokenResponse(AppSchema):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": EXAMPLE_TOKEN,
                    "refresh_token": EXAMPLE_TOKEN,
                    "token_type": "bearer",
                    "expires_in": 1800,
                }
            ]
        }
    )

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a token type, not a secret
    expires_in: int = Field(description="Seconds until the access token expires.")
