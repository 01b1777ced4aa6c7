from typing import Annotated, Literal

from pydantic import ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.values import Lowered


class EnvironmentSettings(BaseSettings):
    """Base class of all settings classes, with `environment`, which other settings depend on."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Annotated[Literal["development", "staging", "production"], Lowered] = "production"


def in_production(info: ValidationInfo) -> bool:
    """Return whether ENVIRONMENT is `production`. If ENVIRONMENT is invalid, return true."""
    return bool(info.data.get("environment", "production") == "production")
