"""The base of all settings."""

from typing import Annotated, ClassVar, Literal

from pydantic import ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.values import Lowered


class EnvironmentSettings(BaseSettings):
    """The base of every other class: which environment this is."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    shares_rate_limits: ClassVar[bool] = False
    """Whether all processes of the service count rate limits together."""

    environment: Annotated[Literal["development", "staging", "production"], Lowered] = "production"


def in_production(info: ValidationInfo) -> bool:
    """Whether the strict rules hold. They also hold if the environment itself is invalid."""
    return bool(info.data.get("environment", "production") == "production")
