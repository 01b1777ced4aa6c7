"""Where the files of the migrations are found, and how a new one is formatted."""

from pathlib import Path

import pytest

from app.config import Settings
from app.core.database import migrations, revisions

UNTIDY = "x = 'as it was'"


def test_the_project_is_found_from_any_folder(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert any("0001" in name for name in migrations.revisions(settings))


@pytest.mark.error_path
def test_without_a_project_the_message_says_where_to_run_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(revisions, "__file__", "/site-packages/app/core/database/revisions.py")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))

    with pytest.raises(revisions.MigrationError, match="project's folder"):
        revisions.project()


def test_a_revision_is_formatted_without_ruff_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    (path := tmp_path / "revision.py").write_text(UNTIDY)

    revisions.tidy(path)

    assert path.read_text() == 'x = "as it was"\n'


@pytest.mark.error_path
def test_a_revision_stays_as_it_is_where_ruff_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "find_spec", lambda _: None)
    (path := tmp_path / "revision.py").write_text(UNTIDY)

    revisions.tidy(path)

    assert path.read_text() == UNTIDY
