"""Test what the scripts in hooks/ create and print, and that they always exit with 0."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.support.hooks import quoted, suggested_commands, write_program
from tests.support.paths import ROOT
from tests.support.rendering import Render
from tests.support.repositories import commit, committed, git, release
from tests.support.running import COPIER, environment, interrupt, run
from tests.support.updates import CHANGELOG

UV_THAT_WORKS = """#!/bin/sh
echo "uv $* VIRTUAL_ENV=$VIRTUAL_ENV UV_LOCKED=$UV_LOCKED UV_PROJECT_ENVIRONMENT=$UV_PROJECT_ENVIRONMENT"
: > uv.lock
"""
UV_THAT_FAILS = """#!/bin/sh
: > uv.lock
echo "error: no space left on device" >&2
exit 2
"""
UV_THAT_HANGS = """#!/bin/sh
: > started
exec /bin/sleep 60
"""


@pytest.fixture
def project(render: Render, tmp_path: Path) -> Path:
    """Return a rendered project in a folder whose name must be quoted in a shell."""
    return Path(shutil.copytree(render(), tmp_path / "it's a “projëct” $HOME"))


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder for PATH that contains git and a fake uv, which always succeeds."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git") or pytest.fail("git is not installed"))
    write_program(folder / "uv", UV_THAT_WORKS)
    return folder


@pytest.fixture
def run_hook(template: Path, programs: Path, project: Path) -> Callable[..., str]:
    """Return a function that runs post_generate.py in the project and returns its output."""

    def run_hook(**variables: str) -> str:
        command = (sys.executable, template / "hooks/post_generate.py")
        return run(*command, cwd=project, env=environment(PATH=str(programs), **variables))

    return run_hook


def rendered(project: Path) -> set[str]:
    return {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}


# --- All steps of post_generate.py succeed ---


def test_creates_env_and_lock_file_and_first_commit(
    run_hook: Callable[..., str], project: Path
) -> None:
    files = rendered(project)

    output = run_hook()

    assert "<secret>" not in (project / ".env").read_text()
    assert "uv sync" in output
    assert committed(project) == files | {"uv.lock"}
    assert git(project, "log", "--format=%an %ae %s") == (
        "Tester tester@example.com Generate the project\n"
    )
    assert git(project, "branch", "--show-current") == "main\n"
    assert git(project, "status", "--porcelain") == ""
    assert "To do it yourself" not in output


def test_variables_of_another_project_are_ignored(
    run_hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")

    output = run_hook(
        VIRTUAL_ENV=str(other),
        UV_LOCKED="1",
        UV_PROJECT_ENVIRONMENT="/kept",
        GIT_DIR=str(other / ".git"),
        GIT_WORK_TREE=str(other),
        GIT_INDEX_FILE=str(other / ".git/index"),
    )

    assert "VIRTUAL_ENV= UV_LOCKED= UV_PROJECT_ENVIRONMENT=/kept\n" in output
    assert "pyproject.toml" in committed(project)
    assert not (other / ".git/index").exists()


def test_the_users_git_hooks_and_signing_are_not_used(
    run_hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    template = tmp_path / "git-template/hooks"
    template.mkdir(parents=True)
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit"):
        write_program(template / name, f"#!/bin/sh\n: > '{tmp_path}/ran'\nexit 1\n")
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\n\tname = Tester\n\temail = tester@example.com\n"
        f"[init]\n\ttemplateDir = {template.parent}\n"
        f"[core]\n\thooksPath = {template}\n"
        "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n"
    )

    run_hook(GIT_CONFIG_GLOBAL=str(config))

    assert "pyproject.toml" in committed(project)
    assert not (tmp_path / "ran").exists()


def test_existing_files_are_kept(run_hook: Callable[..., str], project: Path) -> None:
    (project / ".env").write_text("MINE=1\n")
    (project / "notes.txt").write_text("mine\n")

    run_hook()

    assert (project / ".env").read_text() == "MINE=1\n"
    assert (project / "notes.txt").read_text() == "mine\n"
    assert ".env" not in committed(project)


def test_creates_no_repository_and_no_commit_inside_a_repository(
    run_hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=First")

    output = run_hook()

    assert not (project / ".git").exists()
    assert git(tmp_path, "log", "--format=%s") == "First\n"
    assert git(tmp_path, "diff", "--cached", "--name-only") == ""
    assert (project / ".env").exists()
    assert "repository" in output


# --- Programs that post_generate.py runs are missing or fail ---


def test_reports_missing_uv_and_continues(
    run_hook: Callable[..., str], project: Path, programs: Path
) -> None:
    (programs / "uv").unlink()

    output = run_hook()

    assert "uv is not installed" in output
    assert suggested_commands(output) == [f"cd {quoted(project)}", "uv sync"]
    assert "pyproject.toml" in committed(project)


def test_reports_missing_git_and_runs_the_other_steps(
    run_hook: Callable[..., str], project: Path, programs: Path
) -> None:
    (programs / "git").unlink()

    output = run_hook()

    assert "git is not installed" in output
    assert suggested_commands(output)[0] == f"cd {quoted(project)}"
    assert [line.split()[:2] for line in suggested_commands(output)[1:]] == [
        ["git", "init"],
        ["git", "add"],
        ["git", "commit"],
    ]
    assert (project / ".env").exists()
    assert (project / "uv.lock").exists()


def test_creates_env_without_uv_and_git(
    run_hook: Callable[..., str], project: Path, programs: Path
) -> None:
    shutil.rmtree(programs)

    assert run_hook().count("is not installed") == 2
    assert (project / ".env").exists()


def test_reports_a_failing_uv_and_commits_the_lock_file_it_wrote(
    run_hook: Callable[..., str], project: Path, programs: Path
) -> None:
    write_program(programs / "uv", UV_THAT_FAILS)

    output = run_hook()

    assert "no space left on device" in output
    assert "uv failed with exit code 2" in output
    assert "uv sync" in suggested_commands(output)
    assert "uv.lock" in committed(project)


def test_reports_a_program_that_cannot_start(
    run_hook: Callable[..., str], project: Path, programs: Path
) -> None:
    write_program(programs / "uv", "")
    (programs / "uv").write_bytes(b"\x7fELF not really")

    output = run_hook()

    assert "uv does not run" in output
    assert "pyproject.toml" in committed(project)


def test_prints_the_commit_command_when_git_has_no_identity(
    run_hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    output = run_hook(GIT_CONFIG_GLOBAL=os.devnull, HOME=str(tmp_path), EMAIL="")

    assert "Please tell me who you are" in output
    assert suggested_commands(output)[0] == f"cd {quoted(project)}"
    assert suggested_commands(output)[1].startswith("git commit")
    assert len(suggested_commands(output)) == 2
    assert "A  pyproject.toml" in git(project, "status", "--porcelain")


def test_reports_a_failure_to_create_env(run_hook: Callable[..., str], project: Path) -> None:
    (project / ".env.example").unlink()

    output = run_hook()

    assert "failed with exit code 1" in output
    assert any(line.endswith("src/app_dev/env_file.py") for line in suggested_commands(output))
    assert "pyproject.toml" in committed(project)


def test_stops_a_command_after_the_timeout(
    project: Path, programs: Path, template: Path, tmp_path: Path
) -> None:
    write_program(programs / "uv", UV_THAT_HANGS)
    text = (template / "hooks/post_generate.py").read_text()
    assert "TIMEOUT = 900 " in text
    hook_with_short_timeout = tmp_path / "hook.py"
    hook_with_short_timeout.write_text(text.replace("TIMEOUT = 900 ", "TIMEOUT = 1 "))

    output = run(
        sys.executable, hook_with_short_timeout, cwd=project, env=environment(PATH=str(programs))
    )

    assert "uv took more than 1 seconds" in output
    assert "uv sync" in suggested_commands(output)
    assert "pyproject.toml" in committed(project)


def test_ctrl_c_keeps_the_project_and_prints_the_remaining_commands(
    template: Path, programs: Path, tmp_path: Path
) -> None:
    """Ctrl-C in a terminal interrupts copier, the hook and uv at the same time."""
    write_program(programs / "uv", UV_THAT_HANGS)
    project = tmp_path / "project"
    copy = (*COPIER, "copy", "--trust", "--defaults", template, project)
    output = interrupt(*copy, when=project / "started", env=environment(PATH=str(programs))).stdout

    assert "Traceback" not in output
    assert suggested_commands(output)[1] == "uv sync"
    assert [line.split()[1] for line in suggested_commands(output)[2:]] == ["init", "add", "commit"]
    assert (project / "pyproject.toml").exists()
    assert not (project / ".git").exists()


# --- copier runs post_generate.py after a copy ---


def test_copier_runs_the_hook_and_prints_the_next_commands(
    template: Path, programs: Path, tmp_path: Path
) -> None:
    project = tmp_path / "it's mine"

    output = run(
        *COPIER,
        "copy",
        "--trust",
        "--defaults",
        template,
        project,
        cwd=tmp_path,
        env=environment(PATH=str(programs)),
    )

    assert output.rstrip().splitlines()[-2:] == [
        f"    cd {quoted(project)}",
        "    uv run app dev",
    ]
    assert {".env", "uv.lock", ".git"} <= {path.name for path in project.iterdir()}


def test_the_real_uv_installs_the_project(copie: Copie, template: Path) -> None:
    project = copie.copy({"database": "sqlite"}, template_dir=template).project_dir
    assert project

    assert (project / "uv.lock").exists()
    assert "dev" in run(project / ".venv/bin/app", "--help", cwd=project)


def test_an_update_does_not_run_the_hook(released: Path, programs: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    # Do not replace PATH, because copier runs `git submodule`, which calls programs in PATH.
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def copier(*arguments: str | Path) -> str:
        return run(*COPIER, *arguments, cwd=tmp_path, env=environment(PATH=path))

    copier("copy", "--trust", "--defaults", released, project)
    (project / ".env").unlink()
    (project / "uv.lock").unlink()
    commit(project)
    release(released, "v2.0.0")

    output = copier("update", "--trust", "--defaults", project)

    assert "Updating to template version 2.0.0" in output
    assert "post_generate.py" not in output
    assert not (project / ".env").exists()
    assert not (project / "uv.lock").exists()


# --- notes.py prints the release notes after an update ---


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("v1.0.0", "v1.10.0", ["1.10.0", "1.2.0"]),
        ("v1.2.0", "v1.10.0", ["1.10.0"]),
        ("v1.0.0-3-g0a1b2c3", "v1.2.0-1-g4d5e6f7", ["1.2.0"]),
        ("0a1b2c3", "v1.2.0", ["1.2.0", "1.0.0"]),
        ("v1.10.0", "v1.10.1", []),
        ("v1.2.0", "0a1b2c3", []),
    ],
)
def test_shows_the_notes_of_the_releases_between_two_versions(
    before: str, after: str, shown: list[str], tmp_path: Path
) -> None:
    output = run_notes_hook(tmp_path, CHANGELOG.encode(), before, after)

    assert re.findall(r"^## \[(.*)\]", output, re.MULTILINE) == shown
    assert bool(output) == bool(shown)


@pytest.mark.parametrize(
    ("changelog", "arguments"),
    [
        (None, ["v1.0.0", "v1.2.0"]),
        (b"", ["v1.0.0", "v1.2.0"]),
        (b"## [1.2.0]\n\xff\n", ["v1.0.0", "v1.2.0"]),
        (CHANGELOG.encode(), []),
    ],
    ids=["missing", "empty", "not UTF-8", "no versions"],
)
def test_shows_nothing_when_the_notes_cannot_be_read(
    changelog: bytes | None, arguments: list[str], tmp_path: Path
) -> None:
    assert run_notes_hook(tmp_path, changelog, *arguments) == ""


def test_escapes_characters_that_the_terminal_cannot_encode(tmp_path: Path) -> None:
    output = run_notes_hook(
        tmp_path, CHANGELOG.encode(), "v1.0.0", "v1.2.0", PYTHONIOENCODING="ascii"
    )

    assert "- Two: \\u201cnew\\u201d.\n" in output


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_exits_with_zero_when_the_notes_cannot_be_written(output: str, tmp_path: Path) -> None:
    run_notes_hook(tmp_path, CHANGELOG.encode())

    command = shlex.join([sys.executable, "hooks/notes.py", "v1.0.0", "v1.2.0"])
    run("sh", "-c", f"{command} {output}", cwd=tmp_path)


def run_notes_hook(folder: Path, changelog: bytes | None, *arguments: str, **variables: str) -> str:
    """Run hooks/notes.py on the given changelog, assert exit code 0, and return the output."""
    (folder / "hooks").mkdir()
    hook = shutil.copy(ROOT / "hooks/notes.py", folder / "hooks")
    if changelog is not None:
        (folder / "CHANGELOG.md").write_bytes(changelog)
    return run(sys.executable, hook, *arguments, cwd=folder, env=environment(**variables))
