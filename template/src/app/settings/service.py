"""Settings of the application, server, logs, database, HTTP handling and rate limits."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from app import NAME
from app.settings.base import EnvironmentSettings, in_production
from app.settings.database_url import parse_database_url
from app.settings.values import BindAddress, Hosts, Lowered, Networks, Origins, Rate, RootPath, Text


class AppSettings(EnvironmentSettings):
    app_name: Text = NAME
    debug: bool = False
    docs_enabled: Annotated[bool | None, Field(validate_default=True)] = None

    @field_validator("debug")
    @classmethod
    def _off_in_production(cls, value: bool, info: ValidationInfo) -> bool:
        if value and in_production(info):
            raise ValueError("must be off in production")
        return value

    @field_validator("docs_enabled")
    @classmethod
    def _outside_production_by_default(cls, value: bool | None, info: ValidationInfo) -> bool:
        return not in_production(info) if value is None else value


class ServerSettings(EnvironmentSettings):
    host: BindAddress = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    root_path: RootPath = ""
    """The path prefix that a proxy strips from every request, such as `/shop`."""


class LogSettings(EnvironmentSettings):
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], Lowered] = "info"
    log_format: Annotated[Literal["json", "console"], Lowered] = "json"


class DatabaseSettings(EnvironmentSettings):
    database_url: SecretStr
    # Each pool size is the total for all worker processes of an instance.
    # Pool sizes have upper limits, because a pool may allocate memory for each possible connection.
    db_pool_size: Annotated[int, Field(ge=1, le=10_000)] = 20
    db_max_overflow: Annotated[int, Field(ge=0, le=10_000)] = 10
    db_pool_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    db_prepared_statements: bool = True
    """Must be false behind a transaction-mode pooler that does not support prepared statements."""

    @field_validator("database_url")
    @classmethod
    def _parsed_whole(cls, value: SecretStr) -> SecretStr:
        parse_database_url(value.get_secret_value())
        return value


class HttpSettings(EnvironmentSettings):
    cors_origins: Origins = Field(default=[])
    allowed_hosts: Hosts = Field(default=["localhost", "127.0.0.1", "[::1]"], min_length=1)
    trusted_proxies: Networks = Field(default=[])
    https_redirect: bool | None = None
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024

    @field_validator("cors_origins", "allowed_hosts")
    @classmethod
    def _no_wildcard_in_production(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if "*" in value and in_production(info):
            raise ValueError("must not be `*` in production")
        return value


class RateLimitSettings(EnvironmentSettings):
    rate_limit_enabled: bool = True
    rate_limit_default: Rate = "6000/minute"
