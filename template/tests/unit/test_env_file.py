import stat
from pathlib import Path

import pytest

from app_dev.env_file import make_env_file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text("# Signs\nA=<secret>\nB=<secret>\nC=plain\n")
    return tmp_path


def read(project: Path) -> dict[str, str]:
    lines = (project / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_fills_in_fresh_secrets(project: Path) -> None:
    assert make_env_file(project)

    made = read(project)
    assert made["C"] == "plain"
    assert len({made["A"], made["B"], "<secret>"}) == 3
    assert len(made["A"]) >= 32


def test_nobody_else_may_read_it(project: Path) -> None:
    make_env_file(project)

    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


@pytest.mark.sad
def test_never_changes_what_is_there(project: Path) -> None:
    (project / ".env").write_text("A=mine\nB=too")

    assert make_env_file(project) is None
    assert (project / ".env").read_text() == "A=mine\nB=too"


@pytest.mark.sad
def test_adds_a_secret_that_is_missing(project: Path) -> None:
    (project / ".env").write_text("A=mine")

    assert make_env_file(project) == "Added to .env: B."

    made = read(project)
    assert made["A"] == "mine"
    assert len(made["B"]) >= 32
    assert make_env_file(project) is None
