"""Tests of the environment variables and the `.env` file that commands and tests read."""

import os
from pathlib import Path

import pytest

from app.config import Settings, get_settings, read_variables
from app.core.commands import development_servers, set_environment_defaults
from tests.support.environment import OTHER_VARIABLES, remove_settings
from tests.support.factories import command_environment

REQUIRED = command_environment()
SERVERS = [name for name in Settings.model_fields if name.endswith("_url")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty directory, and delete the environment variables of all settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    remove_settings(monkeypatch)
    return tmp_path


def test_remove_settings_removes_names_in_upper_and_lower_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {*Settings.model_fields, *OTHER_VARIABLES}
    for name in names:
        monkeypatch.setenv(name, "the developer's")
        monkeypatch.setenv(name.upper(), "the developer's")

    remove_settings(monkeypatch)

    assert not names & {name.lower() for name in os.environ}


def test_a_command_that_tests_start_does_not_read_the_env_file(folder: Path) -> None:
    (folder / ".env").write_text("APP_NAME=the developer's\n")
    os.environ.update(REQUIRED)

    assert "app_name" not in read_variables()


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("exported", [True, False])
def test_development_uses_the_servers_in_the_settings(
    folder: Path, case: type[str], *, exported: bool
) -> None:
    values = {"environment": "Development", **dict.fromkeys(SERVERS, "named")}
    variables = {case(name): value for name, value in values.items()}
    if exported:
        os.environ.update(variables)
    else:
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        (folder / ".env").write_text("".join(lines))
    before = dict(os.environ)

    with development_servers():
        assert os.environ == before


@pytest.mark.error_path
def test_production_does_not_start_development_servers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("ENVIRONMENT=development\n")
    monkeypatch.setenv("environment", "Production")

    with development_servers():
        assert "DATABASE_URL" not in os.environ


@pytest.mark.error_path
@pytest.mark.parametrize("name", ["ENVIRONMENT", "environment"])
def test_staging_does_not_read_the_env_file(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("APP_NAME=from .env\n")
    os.environ.update(REQUIRED | {"ENVIRONMENT": ""})
    monkeypatch.setenv(name, "Staging")

    get_settings.cache_clear()
    try:
        assert get_settings().app_name != "from .env"
    finally:
        get_settings.cache_clear()


def test_set_default_keeps_values_that_are_already_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("log_format=json\nLOG_LEVEL=\n")
    monkeypatch.setenv("app_name", "exported")

    set_environment_defaults(log_format="console", log_level="debug", app_name="default")

    assert read_variables() == {
        **read_variables(),
        "log_format": "json",
        "log_level": "debug",
        "app_name": "exported",
    }
