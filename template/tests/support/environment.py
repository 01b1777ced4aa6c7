"""Helpers that remove the developer's settings from the environment of the tests."""

import os

import pytest
from pydantic_settings import EnvSettingsSource

from app.config import Settings

INITIAL_VARIABLES = dict(EnvSettingsSource(Settings).env_vars)
OTHER_VARIABLES = {"admin_password", "all_proxy", "http_proxy", "https_proxy"}
"""Environment variables that commands and HTTP clients read in addition to the settings."""


def named(setting: str) -> str | None:
    """Return the value that a setting had when pytest started, or None if the setting was unset."""
    return INITIAL_VARIABLES.get(setting)


def runs_tests(config: pytest.Config) -> bool:
    """Return whether this process runs tests. Under `pytest -n`, only worker processes run tests.

    The main process of `pytest -n` keeps the environment variables of the settings, because the
    worker processes inherit these variables.
    """
    return bool(config.getoption("dist", "no") == "no" or config.option.collectonly)


def remove_settings(environment: pytest.MonkeyPatch) -> None:
    """Delete the environment variables of all settings, in upper, lower or mixed case."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields.keys() | OTHER_VARIABLES:
            environment.delenv(name)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return environment variables that set all required settings for another process.

    With `ENVIRONMENT=staging`, the process does not read the developer's `.env` file.
    """
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    secrets = {name.upper(): getattr(settings, name).get_secret_value() for name in required}
    return {"ENVIRONMENT": "staging", **secrets}
