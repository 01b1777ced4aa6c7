"""The hooks: what they make and say, and that they never fail, whatever is missing or in the way."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.support.hooks import put, quoted, typed
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
    """A copy as copier leaves it to the hook, under a name that needs care."""
    return Path(shutil.copytree(render(), tmp_path / "it's a “projëct” $HOME"))


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The one folder in PATH: git is there, and a uv that works at once."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git") or pytest.fail("git is needed"))
    put(folder / "uv", UV_THAT_WORKS)
    return folder


@pytest.fixture
def hook(template: Path, programs: Path, project: Path) -> Callable[..., str]:
    """Run the hook in the project; it must succeed each time."""

    def hook(**variables: str) -> str:
        command = (sys.executable, template / "hooks/post_generate.py")
        return run(*command, cwd=project, env=environment(PATH=str(programs), **variables))

    return hook


def rendered(project: Path) -> set[str]:
    return {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}


# --- Where all goes well ---


def test_makes_env_lock_and_first_commit(hook: Callable[..., str], project: Path) -> None:
    files = rendered(project)

    said = hook()

    assert "<secret>" not in (project / ".env").read_text()
    assert "uv sync" in said
    assert committed(project) == files | {"uv.lock"}
    assert git(project, "log", "--format=%an %ae %s") == (
        "Tester tester@example.com Generate the project\n"
    )
    assert git(project, "branch", "--show-current") == "main\n"
    assert git(project, "status", "--porcelain") == ""
    assert "To do it yourself" not in said


def test_the_environment_of_another_project_is_left_alone(
    hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")

    said = hook(
        VIRTUAL_ENV=str(other),
        UV_LOCKED="1",
        UV_PROJECT_ENVIRONMENT="/kept",
        GIT_DIR=str(other / ".git"),
        GIT_WORK_TREE=str(other),
        GIT_INDEX_FILE=str(other / ".git/index"),
    )

    assert "VIRTUAL_ENV= UV_LOCKED= UV_PROJECT_ENVIRONMENT=/kept\n" in said
    assert "pyproject.toml" in committed(project)
    assert not (other / ".git/index").exists()


def test_the_users_hooks_and_key_are_not_asked(
    hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    template = tmp_path / "git-template/hooks"
    template.mkdir(parents=True)
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit"):
        put(template / name, f"#!/bin/sh\n: > '{tmp_path}/ran'\nexit 1\n")
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\n\tname = Tester\n\temail = tester@example.com\n"
        f"[init]\n\ttemplateDir = {template.parent}\n"
        f"[core]\n\thooksPath = {template}\n"
        "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n"
    )

    hook(GIT_CONFIG_GLOBAL=str(config))

    assert "pyproject.toml" in committed(project)
    assert not (tmp_path / "ran").exists()


def test_what_was_in_the_folder_is_kept(hook: Callable[..., str], project: Path) -> None:
    (project / ".env").write_text("MINE=1\n")
    (project / "notes.txt").write_text("mine\n")

    hook()

    assert (project / ".env").read_text() == "MINE=1\n"
    assert (project / "notes.txt").read_text() == "mine\n"
    assert ".env" not in committed(project)


def test_inside_a_repository_it_makes_no_other_and_commits_nothing(
    hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=theirs")

    said = hook()

    assert not (project / ".git").exists()
    assert git(tmp_path, "log", "--format=%s") == "theirs\n"
    assert git(tmp_path, "diff", "--cached", "--name-only") == ""
    assert (project / ".env").exists()
    assert "repository" in said


# --- Where something is missing, or fails ---


def test_without_uv_it_says_so_and_goes_on(
    hook: Callable[..., str], project: Path, programs: Path
) -> None:
    (programs / "uv").unlink()

    said = hook()

    assert "uv is not installed" in said
    assert typed(said) == [f"cd {quoted(project)}", "uv sync"]
    assert "pyproject.toml" in committed(project)


def test_without_git_it_says_so_and_the_rest_is_made(
    hook: Callable[..., str], project: Path, programs: Path
) -> None:
    (programs / "git").unlink()

    said = hook()

    assert "git is not installed" in said
    assert typed(said)[0] == f"cd {quoted(project)}"
    assert [line.split()[:2] for line in typed(said)[1:]] == [
        ["git", "init"],
        ["git", "add"],
        ["git", "commit"],
    ]
    assert (project / ".env").exists()
    assert (project / "uv.lock").exists()


def test_with_neither_there_is_still_an_env(
    hook: Callable[..., str], project: Path, programs: Path
) -> None:
    shutil.rmtree(programs)

    assert hook().count("is not installed") == 2
    assert (project / ".env").exists()


def test_uv_that_fails_midway_is_told_and_what_it_left_is_committed(
    hook: Callable[..., str], project: Path, programs: Path
) -> None:
    put(programs / "uv", UV_THAT_FAILS)

    said = hook()

    assert "no space left on device" in said
    assert "uv failed with exit code 2" in said
    assert "uv sync" in typed(said)
    assert "uv.lock" in committed(project)


def test_a_program_that_cannot_start_is_told(
    hook: Callable[..., str], project: Path, programs: Path
) -> None:
    put(programs / "uv", "")
    (programs / "uv").write_bytes(b"\x7fELF not really")

    said = hook()

    assert "uv does not run" in said
    assert "pyproject.toml" in committed(project)


def test_git_without_an_identity_is_told_and_the_commit_is_left_to_type(
    hook: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    said = hook(GIT_CONFIG_GLOBAL=os.devnull, HOME=str(tmp_path), EMAIL="")

    assert "Please tell me who you are" in said
    assert typed(said)[0] == f"cd {quoted(project)}"
    assert typed(said)[1].startswith("git commit")
    assert len(typed(said)) == 2
    assert "A  pyproject.toml" in git(project, "status", "--porcelain")


def test_a_project_whose_env_file_fails_is_told(hook: Callable[..., str], project: Path) -> None:
    (project / ".env.example").unlink()

    said = hook()

    assert "failed with exit code 1" in said
    assert any(line.endswith("src/app_dev/env_file.py") for line in typed(said))
    assert "pyproject.toml" in committed(project)


def test_what_takes_too_long_is_cut_off(
    project: Path, programs: Path, template: Path, tmp_path: Path
) -> None:
    put(programs / "uv", UV_THAT_HANGS)
    text = (template / "hooks/post_generate.py").read_text()
    assert "TIMEOUT = 900 " in text
    impatient = tmp_path / "hook.py"
    impatient.write_text(text.replace("TIMEOUT = 900 ", "TIMEOUT = 1 "))

    said = run(sys.executable, impatient, cwd=project, env=environment(PATH=str(programs)))

    assert "uv took more than 1 seconds" in said
    assert "uv sync" in typed(said)
    assert "pyproject.toml" in committed(project)


def test_ctrl_c_keeps_the_project_and_says_what_is_left(
    template: Path, programs: Path, tmp_path: Path
) -> None:
    """On the real command line: the terminal interrupts copier, the hook and uv, all at once."""
    put(programs / "uv", UV_THAT_HANGS)
    project = tmp_path / "project"
    copy = (*COPIER, "copy", "--trust", "--defaults", template, project)
    said = interrupt(*copy, when=project / "started", env=environment(PATH=str(programs))).stdout

    assert "Traceback" not in said
    assert typed(said)[1] == "uv sync"
    assert [line.split()[1] for line in typed(said)[2:]] == ["init", "add", "commit"]
    assert (project / "pyproject.toml").exists()
    assert not (project / ".git").exists()


# --- Through copier ---


def test_copier_runs_it_and_says_the_next_two_commands(
    template: Path, programs: Path, tmp_path: Path
) -> None:
    project = tmp_path / "it's mine"

    said = run(
        *COPIER,
        "copy",
        "--trust",
        "--defaults",
        template,
        project,
        cwd=tmp_path,
        env=environment(PATH=str(programs)),
    )

    assert said.rstrip().splitlines()[-2:] == [
        f"    cd {quoted(project)}",
        "    uv run app dev",
    ]
    assert {".env", "uv.lock", ".git"} <= {path.name for path in project.iterdir()}


def test_the_real_uv_installs_the_project(copie: Copie, template: Path) -> None:
    project = copie.copy({"database": "sqlite"}, template_dir=template).project_dir
    assert project

    assert (project / "uv.lock").exists()
    assert "dev" in run(project / ".venv/bin/app", "--help", cwd=project)


def test_an_update_does_not_run_it(released: Path, programs: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"  # copier's git needs more than git

    def copier(*arguments: str | Path) -> str:
        return run(*COPIER, *arguments, cwd=tmp_path, env=environment(PATH=path))

    copier("copy", "--trust", "--defaults", released, project)
    (project / ".env").unlink()
    (project / "uv.lock").unlink()
    commit(project)
    release(released, "v2.0.0")

    said = copier("update", "--trust", "--defaults", project)

    assert "Updating to template version 2.0.0" in said
    assert "post_generate.py" not in said
    assert not (project / ".env").exists()
    assert not (project / "uv.lock").exists()


# --- What an update says ---


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
def test_the_notes_are_those_of_the_releases_between(
    before: str, after: str, shown: list[str], tmp_path: Path
) -> None:
    said = notes(tmp_path, CHANGELOG.encode(), before, after)

    assert re.findall(r"^## \[(.*)\]", said, re.MULTILINE) == shown
    assert bool(said) == bool(shown)


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
def test_notes_that_cannot_be_shown_are_left_out(
    changelog: bytes | None, arguments: list[str], tmp_path: Path
) -> None:
    assert notes(tmp_path, changelog, *arguments) == ""


def test_notes_are_shown_where_letters_are_few(tmp_path: Path) -> None:
    said = notes(tmp_path, CHANGELOG.encode(), "v1.0.0", "v1.2.0", PYTHONIOENCODING="ascii")

    assert "- Two: \\u201cnew\\u201d.\n" in said


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_notes_that_cannot_be_written_do_not_fail(output: str, tmp_path: Path) -> None:
    notes(tmp_path, CHANGELOG.encode())

    command = shlex.join([sys.executable, "hooks/notes.py", "v1.0.0", "v1.2.0"])
    run("sh", "-c", f"{command} {output}", cwd=tmp_path)


def notes(folder: Path, changelog: bytes | None, *arguments: str, **variables: str) -> str:
    """What the hook shows of a changelog; it must succeed each time."""
    (folder / "hooks").mkdir()
    hook = shutil.copy(ROOT / "hooks/notes.py", folder / "hooks")
    if changelog is not None:
        (folder / "CHANGELOG.md").write_bytes(changelog)
    return run(sys.executable, hook, *arguments, cwd=folder, env=environment(**variables))
