"""Test `just template-update`, which handles cases that `copier update` does not handle."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import copier
import pytest

from tests.support.rendering import render_to
from tests.support.repositories import commit, git, release
from tests.support.running import attempt, run
from tests.support.updates import CHANGELOG, append, run_script

SCRIPT = "scripts/template_update.py"


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """Return a project generated from the template's first release and committed to Git."""
    return committed(released, tmp_path / "a project")


@pytest.fixture(scope="module")
def unchanged_project(
    first_release: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Yield a project in a Git repository. Tests share the project, so they must not modify it."""
    project = committed(first_release, tmp_path_factory.mktemp("unchanged") / "a project")
    yield project
    assert git(project, "status", "--porcelain") == ""


def committed(template: Path, project: Path) -> Path:
    render_to(template, project, {"redis": True, "worker": True})
    git(project, "init", "--quiet")
    commit(project)
    return project


def update(project: Path, *changes: str) -> subprocess.CompletedProcess[str]:
    return run_script(project, SCRIPT, *changes)


def test_updates_to_a_later_release_and_keeps_the_users_changes(
    released: Path, project: Path
) -> None:
    append(project / "README.md", "Added by the user.")
    commit(project)
    append(released / "template/justfile", "# the template's")
    (released / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    release(released, "v1.2.0")

    done = attempt("uv", "run", "--quiet", "--script", SCRIPT, cwd=project)

    assert done.returncode == 0, done.stdout
    assert "- Two: “new”." in done.stdout
    assert "To undo the update, run: git reset --hard && git clean -fd" in done.stdout
    assert (project / "justfile").read_text().endswith("# the template's\n")
    assert (project / "README.md").read_text().endswith("Added by the user.\n")


def test_switches_options_and_the_printed_commands_undo_it(project: Path) -> None:
    done = update(project, "auth=none", "redis=false", "worker=false")

    assert done.returncode == 0, done.stdout
    assert not (project / "src/app/features/users").exists()
    run("sh", "-c", "git reset --hard && git clean -fd", cwd=project)
    assert git(project, "status", "--porcelain") == ""
    assert (project / "src/app/features/users").exists()


def test_keeps_edited_files_of_a_removed_option_and_lists_dropped_questions(project: Path) -> None:
    append(project / "src/app/core/redis/cache.py", "# the user's")
    commit(project)

    done = update(project, "redis=false")

    assert done.returncode == 0, done.stdout
    assert "  src/app/core/redis/cache.py\n" in done.stdout
    assert "not available with the current answers:\n  worker\n" in done.stdout
    assert "server.py" not in done.stdout
    kept = project / ".local/template-update/src/app/core/redis/cache.py"
    assert kept.read_text().endswith("# the user's\n")


def test_fails_on_a_conflict_and_names_the_file(released: Path, project: Path) -> None:
    for root, line in ((project, "# the user's"), (released / "template", "# the template's")):
        text = (root / "justfile").read_text()
        (root / "justfile").write_text(text.replace("# Format", f"{line}\n# Format"))
    commit(project)
    release(released, "v1.1.0")

    done = update(project)

    assert done.returncode == 1
    assert "  justfile\n" in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("orm=piccolo", "orm cannot be switched"),
        ("database=sqlite", "database cannot be switched"),
        ("redis", "KEY=VALUE"),
        ("=true", "KEY=VALUE"),
        ("_src_path=elsewhere", "KEY=VALUE"),
        ("auth=nobody", "Invalid choice for 'auth'"),
        ("rediss=true", "There is no question rediss. The questions are project_name, "),
        ("packages=[]", "There is no question packages."),
    ],
)
def test_refuses_an_invalid_change(unchanged_project: Path, change: str, message: str) -> None:
    done = update(unchanged_project, change)

    assert done.returncode == 1
    assert message in done.stdout
    assert git(unchanged_project, "status", "--porcelain") == ""


@pytest.mark.parametrize("change", ["redis=[", "redis=maybe"])
def test_reports_an_answer_that_the_template_did_not_accept(project: Path, change: str) -> None:
    done = update(project, change)

    assert done.returncode == 1
    assert f"did not accept this answer: {change}\nTo undo the update, " in done.stdout


def test_fails_when_the_template_changes_a_renamed_or_deleted_file(
    released: Path, project: Path
) -> None:
    (project / "src/app/core/ids.py").rename(project / "src/app/core/identifiers.py")
    (project / "src/app/shared").rename(project / "src/app/common")
    (project / "justfile").unlink()
    for unchanged in ("README.md", "src/app/core/docs.py", "src/app/core/redis/cache.py"):
        (project / unchanged).unlink()
    commit(project)
    for name in ("src/app/core/ids.py", "src/app/shared/filters.py", "justfile"):
        append(released / "template" / name, "# the template's")
    append(released / "template/.dockerignore", "# the template's")
    (released / "template/src/app/core/docs.py").unlink()
    release(released, "v1.1.0")

    done = update(project)

    assert done.returncode == 1
    assert (
        "files that you renamed or deleted. Make these changes by hand:\n"
        "  justfile\n  src/app/core/ids.py\n  src/app/shared/filters.py\n"
        "To undo the update, "
    ) in done.stdout
    assert not (project / "src/app/core/ids.py").exists()
    assert (project / ".dockerignore").read_text().endswith("# the template's\n")


def test_fails_when_an_option_changes_a_file_that_the_user_renamed(project: Path) -> None:
    (project / "src/app/config.py").rename(project / "src/app/settings.py")
    (project / "src/app/core/redis/cache.py").unlink()
    commit(project)

    done = update(project, "redis=false", "worker=false")

    assert done.returncode == 1
    assert "Make these changes by hand:\n  src/app/config.py\nTo undo the update, " in done.stdout


def test_accepts_text_with_special_characters(project: Path) -> None:
    done = update(project, "description=Colons: 2, and {braces}")

    assert done.returncode == 0, done.stdout
    assert "Colons: 2, and {braces}" in (project / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("_src_path: .*", "_src_path: {nowhere}"), "fatal: "),
        (("_commit: .*", "_commit: v0.0.1"), "Unknown revision: 'v0.0.1'"),
        (("_commit: .*", ""), "nothing to update from"),
        (("_commit:", "["), "cannot be read"),
        ((r"(?s)\A.*", ""), "nothing to update from"),
    ],
)
def test_reports_an_invalid_answers_file(
    unchanged_project: Path, change: tuple[str, str], message: str
) -> None:
    answers_file = unchanged_project / ".copier-answers.yml"
    before = answers_file.read_text()
    nowhere = f"git+{(unchanged_project.parent / 'nowhere').as_uri()}"
    answers_file.write_text(re.sub(change[0], change[1].format(nowhere=nowhere), before))
    commit(unchanged_project)

    done = update(unchanged_project)

    changed = git(unchanged_project, "status", "--porcelain")
    answers_file.write_text(before)
    commit(unchanged_project)
    assert done.returncode == 1
    assert message in done.stdout
    assert changed == ""


def test_an_interruption_prints_the_commands_that_undo_the_update(
    unchanged_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copier, "run_update", Mock(side_effect=KeyboardInterrupt))

    done = update(unchanged_project)

    assert done.returncode == 1
    assert "The update was interrupted. To undo the update, run: git reset" in done.stdout


@pytest.mark.parametrize(("name", "status"), [("README.md", " M"), ("notes.md", "??")])
def test_refuses_a_project_with_uncommitted_changes(project: Path, name: str, status: str) -> None:
    git(
        project, "config", "status.showUntrackedFiles", "no"
    )  # With this setting, `git status` hides untracked files, but `git clean` deletes them.
    append(project / name, "Not committed.")

    done = update(project, "auth=none")

    assert done.returncode == 1
    assert "Commit them first" in done.stdout
    assert git(project, "status", "--porcelain", "--untracked-files") == f"{status} {name}\n"


@pytest.mark.parametrize("missing", [".copier-answers.yml", ".git"])
def test_reports_a_missing_answers_file_or_repository(
    unchanged_project: Path, missing: str
) -> None:
    elsewhere = (unchanged_project / missing).rename(unchanged_project.parent / "elsewhere")

    done = update(unchanged_project)

    elsewhere.rename(unchanged_project / missing)
    assert done.returncode == 1
    assert {".copier-answers.yml": "at the root", ".git": "needs git"}[missing] in done.stdout
