"""Helpers that remove the developer's settings from the environment of the tests.

`named()` returns the value that a setting had before it was removed.
"""

import os

import pytest
from pydantic_settings import EnvSettingsSource

from app.config import Settings

INITIAL_VARIABLES = dict(EnvSettingsSource(Settings).env_vars)
OTHER_VARIABLES = {"admin_password", "all_proxy", "http_proxy", "https_proxy"}
"""Variables that commands and HTTP clients read, although they are not settings."""


def named(setting: str) -> str | None:
    """Return the value that a setting had in the environment at the start, or None."""
    return INITIAL_VARIABLES.get(setting)


def runs_tests(config: pytest.Config) -> bool:
    """Return whether this process runs tests itself; under `pytest -n` only the workers do.

    The main process must keep the settings in its environment, because the workers inherit them.
    """
    return bool(config.getoption("dist", "no") == "no" or config.option.collectonly)


def remove_settings(environment: pytest.MonkeyPatch) -> None:
    """Remove every setting from the environment that the tests and their subprocesses use.

    Variable names are matched without regard to case.
    """
    for name in list(os.environ):
        if name.lower() in Settings.model_fields.keys() | OTHER_VARIABLES:
            environment.delenv(name)
