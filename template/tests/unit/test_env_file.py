"""Tests of `make_env_file`, which creates `.env` or adds missing secrets to it."""

import stat
from pathlib import Path

import pytest

from app.config import EnvFileError, read_variables
from app_dev.env_file import make_env_file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    example = "# Signing keys\nFIRST_KEY=<secret>\nSECOND_KEY=<secret>\nPLAIN=text\n"
    (tmp_path / ".env.example").write_text(example)
    return tmp_path


def read(project: Path) -> dict[str, str]:
    lines = (project / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_creates_the_file_with_random_secrets(project: Path) -> None:
    assert make_env_file(project)

    variables = read(project)
    assert variables["PLAIN"] == "text"
    assert len({variables["FIRST_KEY"], variables["SECOND_KEY"], "<secret>"}) == 3
    assert len(variables["FIRST_KEY"]) >= 32


def test_only_the_owner_may_read_and_write_the_file(project: Path) -> None:
    make_env_file(project)

    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


@pytest.mark.error_path
@pytest.mark.parametrize(
    "first",
    [
        "FIRST_KEY=mine",
        "first_key=mine",
        "export FIRST_KEY=mine",
        "'FIRST_KEY'=mine",
        "  FIRST_KEY = 'mine'  # a comment",
        "\ufeffFIRST_KEY=mine",
        "OTHER=mine\nFIRST_KEY=${OTHER}",
    ],
)
def test_does_not_change_a_file_that_contains_all_secrets(project: Path, first: str) -> None:
    text = f"{first}\nSECOND_KEY=too"
    (project / ".env").write_text(text, encoding="utf-8")

    assert make_env_file(project) is None
    assert (project / ".env").read_text(encoding="utf-8") == text
    assert read_variables(project / ".env")["first_key"] == "mine"


def test_does_not_add_a_secret_that_the_environment_contains(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("second_key", "exported")
    (project / ".env").write_text("FIRST_KEY=mine\n")

    assert make_env_file(project) is None


@pytest.mark.error_path
def test_does_not_change_the_file_in_production(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("environment", "Production")
    (project / ".env").write_text("FIRST_KEY=mine\n")

    assert make_env_file(project) is None


@pytest.mark.error_path
@pytest.mark.parametrize(
    "second",
    ["", "SECOND_KEY=", "SECOND_KEY=''", "SECOND_KEY", "# SECOND_KEY=old", "XSECOND_KEY=x"],
)
def test_adds_a_secret_that_is_missing_or_empty(project: Path, second: str) -> None:
    (project / ".env").write_text(f"FIRST_KEY=mine\n{second}")

    assert make_env_file(project) == "Added to .env: SECOND_KEY."

    variables = read_variables(project / ".env")
    assert variables["first_key"] == "mine"
    assert len(variables["second_key"]) >= 32
    assert make_env_file(project) is None


@pytest.mark.error_path
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_raises_an_error_and_changes_nothing_if_the_file_is_not_utf8(
    project: Path, encoding: str
) -> None:
    before = "FIRST_KEY=mine\nNAME=Zoë\n".encode(encoding)
    (project / ".env").write_bytes(before)

    with pytest.raises(EnvFileError, match="not encoded in UTF-8") as caught:
        make_env_file(project)

    assert "mine" not in str(caught.value)
    assert (project / ".env").read_bytes() == before
