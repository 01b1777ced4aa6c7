"""Test `just add OPTION` and `just remove OPTION`, which list all changes before they make them."""

import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import copier
import pytest

from tests.support import options
from tests.support.rendering import files, render_to
from tests.support.repositories import commit, git, release
from tests.support.running import attempt
from tests.support.updates import append, files_with_conflicts, run_script

SCRIPT = "scripts/switch_option.py"
NAMES = "auth, redis, websockets, worker, telemetry, uploads, kubernetes, github, gitlab"

EDITED = "You have edited these files, so your changes may conflict:"
CREATED = "You have created these files, so they conflict with the files of the option:"
SKIPPED = "The template changes files that you renamed or deleted. Make these changes by hand:"
COPIES = "You have edited these files. Copies will be in .local/template-update:"
SETTINGS = "New settings, described in .env.example:"


@pytest.fixture(scope="module")
def defaults(first_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a project with the default answers. Tests must not modify it."""
    project = tmp_path_factory.mktemp("switch") / "a project"
    committed(first_release, project, {})
    yield project
    assert git(project, "status", "--porcelain") == ""


def committed(template: Path, project: Path, answers: options.Answers) -> None:
    render_to(template, project, answers)
    git(project, "init", "--quiet")
    commit(project)


def switch(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(project, SCRIPT, *arguments)


def section(output: str, title: str) -> list[str]:
    """Return the lines of the list with this title."""
    _, _, rest = output.partition(f"\n{title}\n")
    return [line.strip() for line in rest.partition("\n\n")[0].splitlines()]


def test_a_preview_lists_what_the_option_adds_changes_and_needs(defaults: Path) -> None:
    done = switch(defaults, "add", "worker", "--preview")

    assert done.returncode == 0, done.stdout
    assert "The option worker is switched together with: redis\n" in done.stdout
    assert "src/app/core/redis/" in section(done.stdout, "Added:")
    assert "src/app/worker.py" in section(done.stdout, "Added:")
    assert "pyproject.toml" in section(done.stdout, "Changed:")
    assert "REDIS_URL" in section(done.stdout, SETTINGS)
    assert "src/app/background.py" in section(done.stdout, "Changed:")
    assert done.stdout.endswith("\nThis was a preview. No file was changed.\n")


@pytest.mark.parametrize(
    ("arguments", "due"),
    [
        (["add", "uploads"], True),
        (["remove", "auth"], True),
        (["add", "websockets"], False),
        (["add", "gitlab"], False),
    ],
)
def test_a_preview_says_whether_a_migration_is_due(
    defaults: Path, arguments: list[str], due: bool
) -> None:
    done = switch(defaults, *arguments, "--preview")

    assert done.returncode == 0, done.stdout
    assert ("so the database needs a migration after the update" in done.stdout) == due


def test_a_preview_lists_what_the_users_changes_meet(released: Path, tmp_path: Path) -> None:
    project = tmp_path / "my-api"
    committed(released, project, {"redis": True, "worker": True})
    for name in ("src/app/core/redis/cache.py", "pyproject.toml", ".env.example", "README.md"):
        append(project / name, "# the user's")
    (project / "docs/redis.md").rename(project / "docs/cache.md")
    (project / "compose.yaml").unlink()
    (project / ".gitlab-ci.yml").write_text("# the user's\n", encoding="utf-8")
    append(released / "template/justfile", "# the template's")
    release(released, "v1.2.0")

    done = switch(project, "remove", "redis", "--preview")

    assert done.returncode == 0, done.stdout
    assert "together with: worker\n" in done.stdout
    assert "The template is updated as well, from v1.0.0 to v1.2.0.\n" in done.stdout
    assert "docs/redis.md" not in done.stdout
    assert "compose.yaml" not in section(done.stdout, "Changed:")
    assert "justfile" in section(done.stdout, "Changed:")
    assert section(done.stdout, COPIES) == ["src/app/core/redis/cache.py"]
    assert section(done.stdout, EDITED) == [".env.example", "pyproject.toml"]
    assert section(done.stdout, SKIPPED) == ["compose.yaml"]
    assert section(done.stdout, CREATED) == []

    done = switch(project, "add", "gitlab", "--preview")

    assert done.returncode == 0, done.stdout
    assert "The option gitlab replaces: github\n" in done.stdout
    assert section(done.stdout, CREATED) == [".gitlab-ci.yml"]


@pytest.mark.core
def test_files_that_the_user_created_conflict_with_those_of_the_option(
    first_release: Path, tmp_path: Path
) -> None:
    project = tmp_path / "my-api"
    committed(first_release, project, {})
    (project / ".gitlab-ci.yml").write_text("# the user's\n", encoding="utf-8")
    commit(project)

    done = switch(project, "add", "gitlab")

    assert done.returncode == 1
    assert section(done.stdout, CREATED) == [".gitlab-ci.yml"]
    assert files_with_conflicts(project) == [".gitlab-ci.yml"]
    assert "git reset --hard && git clean -fd" in done.stdout


def test_a_preview_says_what_becomes_of_existing_rows(
    defaults: Path, first_release: Path, tmp_path: Path
) -> None:
    project = tmp_path / "my-api"
    committed(first_release, project, {"auth": "none"})

    added = switch(project, "add", "auth", "--preview")
    removed = switch(defaults, "remove", "auth", "--preview")

    assert "Existing items will have no owner, so only admins can access them." in added.stdout
    assert "JWT_SECRET (required)" in section(added.stdout, SETTINGS)
    assert "drops the tables and columns of auth, with their data.\n" in removed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "rediss"], f"There is no option 'rediss'. The options are: {NAMES}."),
        (["add", "orm"], f"There is no option 'orm'. The options are: {NAMES}."),
        (["add"], "the following arguments are required: OPTION"),
        (["add", "auth"], "auth is already switched on."),
        (["remove", "redis"], "redis is already switched off."),
        (["remove", "gitlab"], "gitlab is already switched off."),
        (["add", "redis", "--force"], "unrecognized arguments: --force"),
    ],
)
def test_refuses_an_invalid_switch(defaults: Path, arguments: list[str], message: str) -> None:
    done = switch(defaults, *arguments)

    assert done.returncode == 1
    assert message in done.stdout


def test_refuses_a_project_with_uncommitted_changes(first_release: Path, tmp_path: Path) -> None:
    project = tmp_path / "my-api"
    committed(first_release, project, {})
    append(project / "notes.md", "Not committed.")

    done = switch(project, "add", "redis")

    assert done.returncode == 1
    assert "Commit them first." in done.stdout
    assert git(project, "status", "--porcelain") == "?? notes.md\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "Interrupted. No file was changed."),
        (OSError("The template cannot be reached."), "cannot be reached.\nNo file was changed."),
    ],
)
def test_an_error_before_the_update_changes_nothing(
    defaults: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, message: str
) -> None:
    monkeypatch.setattr(copier, "run_copy", Mock(side_effect=error))

    done = switch(defaults, "add", "redis")

    assert done.returncode == 1
    assert message in done.stdout


@pytest.mark.parametrize(
    ("option", "answers"),
    [
        ("uploads", {"uploads": True}),
        pytest.param("worker", {"redis": True, "worker": True}, marks=pytest.mark.core),
        pytest.param("websockets", {"websockets": True}, marks=pytest.mark.core),
    ],
)
def test_adding_equals_a_new_project_and_removing_undoes_it(
    first_release: Path, tmp_path: Path, option: str, answers: options.Answers
) -> None:
    project, new = tmp_path / "my-api", tmp_path / "new"
    committed(first_release, project, {})
    before = without_migrations(project)
    render_to(first_release, new, answers)

    added = switch(project, "add", option)
    commit(project)
    removed = switch(project, "remove", next(iter(answers)))
    after = without_migrations(project)
    git(project, "add", "--all")
    git(project, "reset", "--quiet", "--hard")

    assert added.returncode == 0, added.stdout
    assert removed.returncode == 0, removed.stdout
    assert without_migrations(project) == without_migrations(new)
    assert after == before
    assert added.stdout.endswith("  uv run just check\n")
    revision = f'uv run app db revision -m "add {option}"'
    assert (revision in added.stdout) == (option == "uploads")


def without_migrations(project: Path) -> dict[str, bytes]:
    return {
        name: data
        for name, data in files(project).items()
        if not name.startswith((".git/", "migrations/versions/", "scripts/__pycache__/"))
    }


@pytest.mark.core
def test_the_recipe_passes_its_arguments_to_the_script(defaults: Path) -> None:
    done = attempt("uvx", "--from=rust-just", "just", "remove", "auth", "--preview", cwd=defaults)

    assert done.returncode == 0, done.stdout
    assert "src/app/features/auth/" in section(done.stdout, "Deleted:")


def test_the_options_are_those_of_the_template(
    defaults: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(defaults / "scripts"))
    script = runpy.run_path(str(defaults / SCRIPT))
    questions = {**options.CODE, **options.SURFACE}
    switches = {name for name, values in questions.items() if {True, "none"} & set(values)}

    assert {question for question, _, _ in script["OPTIONS"].values()} == switches
    assert all({off, on} <= set(questions[name]) for name, off, on in script["OPTIONS"].values())
    assert {(name, True): {needed: True} for name, needed in script["NEEDS"].items()} == (
        options.NEEDS
    )
