"""The environment of the tests, which has none of the developer's settings.

A server that the environment names for the tests is kept for `named()`.
"""

import os

import pytest
from pydantic_settings import EnvSettingsSource

from app.config import Settings

BEFORE = dict(EnvSettingsSource(Settings).env_vars)
ALSO_READ = {"admin_password", "all_proxy", "http_proxy", "https_proxy"}
"""What commands and HTTP clients read, and is no setting."""


def named(setting: str) -> str | None:
    """The value that the environment had for a setting when the tests started."""
    return BEFORE.get(setting)


def runs_tests(config: pytest.Config) -> bool:
    """Whether this process collects and runs tests; under `pytest -n` its workers do.

    The workers inherit its environment, so it has to leave that as it is.
    """
    return bool(config.getoption("dist", "no") == "no" or config.option.collectonly)


def remove_settings(environment: pytest.MonkeyPatch) -> None:
    """Remove every setting, in any case, for the tests and the processes that they start."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields.keys() | ALSO_READ:
            environment.delenv(name)
