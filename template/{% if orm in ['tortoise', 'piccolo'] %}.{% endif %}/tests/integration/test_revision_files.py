"""Tests of the functions that find the revisions folder and format new revision files."""

from pathlib import Path

import pytest

from app.config import Settings
from app.core.database import migrations, revisions

UNFORMATTED = "x = 'text'"


def test_finds_the_project_from_any_folder(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert any("0001" in name for name in migrations.revisions(settings))


@pytest.mark.error_path
def test_says_where_to_run_the_command_if_no_project_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(revisions, "__file__", "/site-packages/app/core/database/revisions.py")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))

    with pytest.raises(revisions.MigrationError, match="project's folder"):
        revisions.project_folder()


def test_formats_a_revision_without_ruff_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    (path := tmp_path / "revision.py").write_text(UNFORMATTED)

    revisions.format_revision(path)

    assert path.read_text() == 'x = "text"\n'


@pytest.mark.error_path
def test_leaves_a_revision_unchanged_if_ruff_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "find_spec", lambda _: None)
    (path := tmp_path / "revision.py").write_text(UNFORMATTED)

    revisions.format_revision(path)

    assert path.read_text() == UNFORMATTED
