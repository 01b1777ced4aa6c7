"""`just template-update`: what copier's own update does not see to."""

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import copier
import pytest

from tests.support.rendering import render_to
from tests.support.repositories import commit, git, release
from tests.support.running import attempt, environment, run
from tests.support.updates import CHANGELOG, append

SCRIPT = "scripts/template_update.py"


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """A committed project of the first release, with Redis, which can be switched off."""
    return committed(released, tmp_path / "a project")


@pytest.fixture(scope="module")
def untouched(first_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for tests after which it is as it was."""
    project = committed(first_release, tmp_path_factory.mktemp("untouched") / "a project")
    yield project
    assert git(project, "status", "--porcelain") == ""


def committed(template: Path, project: Path) -> Path:
    render_to(template, project, {"redis": True, "worker": True})
    git(project, "init", "--quiet")
    commit(project)
    return project


def update(project: Path, *changes: str) -> subprocess.CompletedProcess[str]:
    """What the script does, in this process, where copier renders in a fraction of the time.

    An error that it does not tell, but lets pass with a traceback, fails the test.
    """
    command = [SCRIPT, *changes]
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(project)
        patch.setattr(sys, "argv", command)
        for name, value in environment().items():
            patch.setenv(name, value)
        try:
            runpy.run_path(SCRIPT, run_name="__main__")
            exit_code = 0
        except SystemExit as ended:
            said.write(str(ended.code))
            exit_code = 1
    return subprocess.CompletedProcess(command, exit_code, said.getvalue())


def test_takes_a_later_release_and_keeps_what_is_the_users(released: Path, project: Path) -> None:
    append(project / "README.md", "The user's own line.")
    commit(project)
    append(released / "template/justfile", "# the template's")
    (released / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    release(released, "v1.2.0")

    done = attempt("uv", "run", "--quiet", "--script", SCRIPT, cwd=project)

    assert done.returncode == 0, done.stdout
    assert "- Two: “new”." in done.stdout
    assert "To undo the update, run: git reset --hard && git clean -fd" in done.stdout
    assert (project / "justfile").read_text().endswith("# the template's\n")
    assert (project / "README.md").read_text().endswith("The user's own line.\n")


def test_switches_options_and_the_way_back_leads_back(project: Path) -> None:
    done = update(project, "auth=none", "redis=false", "worker=false")

    assert done.returncode == 0, done.stdout
    assert not (project / "src/app/features/users").exists()
    run("sh", "-c", "git reset --hard && git clean -fd", cwd=project)
    assert git(project, "status", "--porcelain") == ""
    assert (project / "src/app/features/users").exists()


def test_keeps_what_was_edited_in_a_file_that_goes_and_tells_what_goes_along(project: Path) -> None:
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
    ("change", "said"),
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
def test_refuses_what_cannot_be(untouched: Path, change: str, said: str) -> None:
    done = update(untouched, change)

    assert done.returncode == 1
    assert said in done.stdout
    assert git(untouched, "status", "--porcelain") == ""


@pytest.mark.parametrize("change", ["redis=[", "redis=maybe"])
def test_tells_an_answer_that_there_is_not(project: Path, change: str) -> None:
    done = update(project, change)

    assert done.returncode == 1
    assert f"did not accept this answer: {change}\nTo undo the update, " in done.stdout


def test_fails_where_a_file_that_was_renamed_or_deleted_has_changed(
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


def test_an_option_changes_a_file_that_was_renamed(project: Path) -> None:
    (project / "src/app/config.py").rename(project / "src/app/settings.py")
    (project / "src/app/core/redis/cache.py").unlink()
    commit(project)

    done = update(project, "redis=false", "worker=false")

    assert done.returncode == 1
    assert "Make these changes by hand:\n  src/app/config.py\nTo undo the update, " in done.stdout


def test_takes_text_as_it_is(project: Path) -> None:
    done = update(project, "description=Colons: 2, and {braces}")

    assert done.returncode == 0, done.stdout
    assert "Colons: 2, and {braces}" in (project / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("_src_path: .*", "_src_path: {nowhere}"), "fatal: "),
        (("_commit: .*", "_commit: v0.0.1"), "Unknown revision: 'v0.0.1'"),
        (("_commit: .*", ""), "nothing to update from"),
        (("_commit:", "["), "cannot be read"),
        ((r"(?s)\A.*", ""), "nothing to update from"),
    ],
)
def test_says_what_is_wrong_with_the_record_of_the_answers(
    untouched: Path, change: tuple[str, str], said: str
) -> None:
    record = untouched / ".copier-answers.yml"
    before = record.read_text()
    nowhere = f"git+{(untouched.parent / 'nowhere').as_uri()}"
    record.write_text(re.sub(change[0], change[1].format(nowhere=nowhere), before))
    commit(untouched)

    done = update(untouched)

    changed = git(untouched, "status", "--porcelain")
    record.write_text(before)
    commit(untouched)
    assert done.returncode == 1
    assert said in done.stdout
    assert changed == ""


def test_an_interruption_shows_the_way_back(
    untouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copier, "run_update", Mock(side_effect=KeyboardInterrupt))

    done = update(untouched)

    assert done.returncode == 1
    assert "The update was interrupted. To undo the update, run: git reset" in done.stdout


@pytest.mark.parametrize(("name", "status"), [("README.md", " M"), ("notes.md", "??")])
def test_refuses_a_project_with_something_uncommitted(
    project: Path, name: str, status: str
) -> None:
    git(project, "config", "status.showUntrackedFiles", "no")  # and the way back would delete them
    append(project / name, "Not committed.")

    done = update(project, "auth=none")

    assert done.returncode == 1
    assert "Commit them first" in done.stdout
    assert git(project, "status", "--porcelain", "--untracked-files") == f"{status} {name}\n"


@pytest.mark.parametrize("missing", [".copier-answers.yml", ".git"])
def test_says_what_is_missing(untouched: Path, missing: str) -> None:
    elsewhere = (untouched / missing).rename(untouched.parent / "elsewhere")

    done = update(untouched)

    elsewhere.rename(untouched / missing)
    assert done.returncode == 1
    assert {".copier-answers.yml": "at the root", ".git": "needs git"}[missing] in done.stdout
