"""Test that a repository created with GitHub's "Use this template" becomes a project.

The tests configure Git to use local repositories instead of the repositories on GitHub. The tests
cannot cover the workflow's input form, tokens and permissions, because only GitHub provides these.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from tests.support.hooks import write_program
from tests.support.questions import read_questions
from tests.support.rendering import files, render_to
from tests.support.repositories import commit, git, release
from tests.support.running import COPIER, attempt, environment, run
from tests.support.updates import append, files_with_conflicts

TEMPLATE = "https://github.com/copier-fastapi/copier-fastapi"
CI = ".github/workflows/ci.yml"
BOOTSTRAP = ".github/workflows/bootstrap.yml"
RELEASE = ".github/workflows/release.yml"
UPSTREAM, REMOTE, CLONE = "upstream/copier-fastapi.git", "github/shop-api.git", "clone"
FAKE_GITHUB_CLI = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$GH_CALLS"\n'
REFUSING_HOOK = (
    '#!/bin/sh\necho "refusing to allow a GitHub App to create or update workflow" >&2\nexit 1\n'
)


@dataclass(frozen=True)
class Copy:
    """A copy that GitHub's "Use this template" creates: one commit with the template's files."""

    root: Path
    remote: Path
    env: Mapping[str, str]

    def bootstrap(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "hooks/bootstrap.py", *arguments)
        return attempt(*command, cwd=self.root, env={**self.env})

    def state(self) -> tuple[dict[str, bytes], str]:
        """Return the copy's files, commits and staged changes, so that a test can compare them."""
        return files_but_git(self.root), git(self.root, "log", "--all", "--format=%H") + git(
            self.root, "diff", "HEAD"
        )


def files_but_git(root: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(root).items() if not name.startswith(".git/")}


@pytest.fixture(scope="session")
def repositories(template: Path, shared: Path) -> Path:
    """Return a folder with the repositories of the fixtures `upstream` and `copy`.

    Each test gets a copy of the folder, because creating the repositories takes a second.
    """
    folder = shared / "use-this-template"
    with FileLock(shared / "use-this-template.lock"):
        if not folder.exists():
            unfinished = folder.with_name("use-this-template-unfinished")
            create_repositories(template, unfinished)
            unfinished.rename(folder)
    return folder


def create_repositories(template: Path, folder: Path) -> None:
    upstream, remote, root = (folder / name for name in (UPSTREAM, REMOTE, CLONE))
    shutil.copytree(template, upstream)
    git(upstream, "init", "--quiet")
    release(upstream, "v1.0.0")
    for ci in upstream.rglob("ci.yml"):
        append(ci, "# newer")
    commit(upstream)

    git(folder, "init", "--quiet", "--bare", str(remote))
    git(folder, "clone", "--quiet", str(remote), str(root))
    archive = folder / "copy.tar"
    git(upstream, "archive", f"--output={archive}", "HEAD")
    shutil.unpack_archive(archive, root, filter="data")
    commit(root)
    git(root, "push", "--quiet", "origin", "main")


@pytest.fixture
def upstream(repositories: Path, tmp_path: Path) -> Path:
    """Return a template repository with a release, and with a later commit that changes ci.yml."""
    return Path(shutil.copytree(repositories / UPSTREAM, tmp_path / UPSTREAM, symlinks=True))


@pytest.fixture
def copy(repositories: Path, upstream: Path, tmp_path: Path) -> Copy:
    remote, root = (
        Path(shutil.copytree(repositories / name, tmp_path / name, symlinks=True))
        for name in (REMOTE, CLONE)
    )
    git(root, "remote", "set-url", "origin", str(remote))
    env = environment(
        COPIER_CACHE_DIR=str(tmp_path / "copier"),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{upstream.with_suffix('').as_uri()}.insteadOf",
        GIT_CONFIG_VALUE_0=TEMPLATE,
    )
    return Copy(root, remote, env)


def tracked(root: Path) -> dict[str, bytes]:
    names = git(root, "ls-files", "-z").split("\0")
    return {name: (root / name).read_bytes() for name in names if name}


def expected_project(upstream: Path, folder: Path, **answers: str | bool) -> dict[str, bytes]:
    """Return the files rendered from the first release, but with ci.yml from the latest commit.

    hooks/bootstrap.py keeps the ci.yml that the button "Use this template" has copied.
    """
    git(upstream, "worktree", "add", "--quiet", str(folder / "v1"), "v1.0.0")
    render_to(folder / "v1", folder / "fresh", {"project_name": "shop-api", **answers})
    return files(folder / "fresh") | {CI: (upstream / CI).read_bytes()}


# --- bootstrap.py generates a project ---


def test_a_copy_becomes_a_project_that_can_be_updated(
    copy: Copy, upstream: Path, tmp_path: Path
) -> None:
    before = git(copy.root, "rev-parse", "HEAD")

    done = copy.bootstrap("orm=tortoise", "redis=true")

    assert done.returncode == 0, done.stdout
    assert git(copy.root, "rev-parse", "HEAD^") == before
    assert git(copy.root, "status", "--porcelain", "--ignored") == ""
    assert git(copy.remote, "rev-parse", "main") == before
    project = tracked(copy.root)
    assert project == files_but_git(copy.root)
    assert b'name = "shop-api"\n' in project.pop("uv.lock")
    answers = yaml.safe_load(project.pop(".copier-answers.yml"))
    assert (answers["_src_path"], answers["_commit"]) == (TEMPLATE, "v1.0.0")
    expected = expected_project(upstream, tmp_path, orm="tortoise", redis=True)
    del expected[".copier-answers.yml"]
    assert project == expected
    assert git(copy.root, "diff", "--name-status", "HEAD^", "--", ".github/workflows") == (
        f"D\t{BOOTSTRAP}\nD\t{RELEASE}\n"
    )

    (upstream / "template/new.txt").write_text("Added by the template.\n")
    append(upstream / "template/justfile", "# the template's")
    release(upstream, "v1.1.0")
    quiet = ("--defaults", "--trust", "--skip-tasks", "--quiet")
    run(*COPIER, "update", *quiet, cwd=copy.root, env={**copy.env})

    assert files_with_conflicts(copy.root) == []
    assert set(git(copy.root, "status", "--porcelain").splitlines()) == {
        " M .copier-answers.yml",
        " M justfile",
        "?? new.txt",
    }


def test_generates_from_another_repository_of_the_template(copy: Copy, upstream: Path) -> None:
    done = copy.bootstrap("ci=none", "--from", os.path.relpath(upstream, copy.root), "license=MIT")

    assert done.returncode == 0, done.stdout
    answers = yaml.safe_load((copy.root / ".copier-answers.yml").read_text())
    assert answers["_src_path"] == str(upstream)
    assert not (copy.root / ".github").exists()


# --- bootstrap.py refuses to run or fails, and leaves the copy unchanged ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orm=django"], "'orm': 'django' is not in ['sqlalchemy'"),
        (["project_name="], "1 to 60 printable characters"),
        (["orm=piccolo", "database=sqlite"], "Piccolo cannot migrate SQLite"),
        (["colour=red"], "There is no question colour."),
        (["packages=[]"], "There is no question packages."),
        (["redis"], "'redis' is not of the form KEY=VALUE"),
        (["--from", "missing"], "from missing: "),
        (["--from", "../exported"], "template has no release tags"),
        (["--from", "docs"], "/docs: "),
        (["--from", "https://github.com/copier-fastapi/copier-fastapi-missing"], "ls-remote"),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused(
    arguments: list[str], message: str, copy: Copy, template: Path, tmp_path: Path
) -> None:
    (tmp_path / "exported").symlink_to(template)
    before = copy.state()

    done = copy.bootstrap(*arguments)

    assert done.returncode == 1, done.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert copy.state() == before


@pytest.mark.parametrize("change", ["modified", "staged", "untracked"])
def test_uncommitted_changes_are_not_replaced(change: str, copy: Copy) -> None:
    path = copy.root / ("README.md" if change != "untracked" else "template/notes.txt")
    path.write_text("Mine.\n")
    if change == "staged":
        git(copy.root, "add", "README.md")
    # This setting hides untracked files from `git status`, but bootstrap.py must detect them.
    git(copy.root, "config", "status.showUntrackedFiles", "no")
    before = copy.state()

    done = copy.bootstrap()

    assert done.returncode == 1
    assert "not committed" in done.stdout
    assert copy.state() == before


def test_a_file_that_git_ignores_is_not_overwritten(copy: Copy) -> None:
    (copy.root / ".git/info/exclude").write_text("/Dockerfile\n")
    (copy.root / "Dockerfile").write_text("Mine.\n")
    tree, _ = copy.state()

    done = copy.bootstrap()

    assert done.returncode == 1
    assert "Dockerfile" in done.stdout
    assert copy.state()[0] == tree
    assert git(copy.root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "origin",
    [
        TEMPLATE,
        f"{TEMPLATE}.git",
        "git@github.com:copier-fastapi/copier-fastapi.git",
        "ssh://git@github.com/Copier-FastAPI/copier-fastapi/",
    ],
)
def test_the_templates_own_repository_is_refused(origin: str, copy: Copy) -> None:
    git(copy.root, "remote", "set-url", "origin", origin)
    before = copy.state()

    done = copy.bootstrap()

    assert done.returncode == 1
    assert "uvx copier copy --trust gh:copier-fastapi/copier-fastapi" in done.stdout
    assert copy.state() == before


def test_a_copy_inside_another_repository_is_refused(copy: Copy, tmp_path: Path) -> None:
    shutil.rmtree(copy.root / ".git")
    before = files(copy.root)
    git(tmp_path, "init", "--quiet")

    done = copy.bootstrap()

    assert done.returncode == 1
    assert "is not the root of a git repository" in done.stdout
    assert files(copy.root) == before


def test_nothing_is_replaced_when_locking_or_committing_fails(copy: Copy, tmp_path: Path) -> None:
    before = copy.state()
    (tmp_path / "nameless").write_text("[user]\n\tuseConfigOnly = true\n")

    for variables in (
        {"UV": "/bin/false"},
        {"UV": "/bin/true", "GIT_CONFIG_GLOBAL": str(tmp_path / "nameless")},
    ):
        done = Copy(copy.root, copy.remote, {**copy.env, **variables}).bootstrap()

        assert done.returncode == 1, done.stdout
        assert "failed" in done.stdout
        assert copy.state() == before


# --- The workflow bootstrap.yml ---


def workflow(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / BOOTSTRAP).read_text(encoding="utf-8"))
    return loaded


def test_the_template_and_its_projects_have_the_same_ci_file(template: Path) -> None:
    own, generated = sorted(template.rglob("ci.yml"), key=lambda path: len(path.parts))

    assert own == template / CI
    assert own.read_bytes() == generated.read_bytes()


def test_the_form_has_the_same_questions_as_copier_yml(template: Path) -> None:
    # PyYAML parses the workflow's `on` key as the boolean True.
    form = workflow(template)[True]["workflow_dispatch"]["inputs"]  # type: ignore[index]
    questions = read_questions(template)

    assert list(form) == list(questions)
    assert len(form) <= 25, "GitHub allows at most 25 inputs"
    for name, question in questions.items():
        field = form[name]
        choices = question.get("choices", [])
        offered = list(choices.values() if isinstance(choices, dict) else choices)
        text = question["type"] == "str" and not offered
        computed = "{{" in str(question["default"]) or name == "project_name"
        assert field["description"].startswith(question["help"].split(" (")[0]), name
        assert field.get("options", []) == offered, name
        assert field.get("type", "string") == (
            "choice" if offered else "string" if text else "boolean"
        ), name
        # bootstrap.py ignores unticked checkboxes, so the default must be "no".
        assert field.get("default", "") == ("" if computed else question["default"]), name
        assert question["default"] is not True, name


def run_workflow(copy: Copy, folder: Path, **inputs: str | bool) -> list[str]:
    """Run the steps of bootstrap.yml in a checkout, and return the arguments of each `gh` call."""
    programs = folder / "programs"
    programs.mkdir()
    write_program(programs / "gh", FAKE_GITHUB_CLI)
    calls = folder / "gh.txt"
    steps = {step.get("id", step.get("name")): step for step in steps_of(copy.root)}
    env = {
        **copy.env,
        **{k: v for k, v in steps["generate"]["env"].items() if k != "INPUTS"},
        "INPUTS": json.dumps(inputs),
        "PATH": f"{programs}{os.pathsep}{copy.env['PATH']}",
        "GH_CALLS": str(calls),
        "GITHUB_REF_NAME": "main",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "ann/shop-api",
        "GITHUB_RUN_ID": "7",
    }

    def step(name: str) -> bool:
        command = ["bash", "-e", "-c", steps[name]["run"]]
        return attempt(*command, cwd=copy.root, env=env).returncode == 0

    assert step("generate")
    assert step("Start CI" if step("push") else "Say what to do")
    return calls.read_text().splitlines()


def steps_of(root: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = workflow(root)["jobs"]["bootstrap"]["steps"]
    return [step for step in steps if "run" in step]


def test_the_workflow_pushes_the_project_and_starts_ci(copy: Copy, tmp_path: Path) -> None:
    name = """It's a "shop"; $(id) `id` {{ 7 }}"""

    calls = run_workflow(copy, tmp_path, project_name=name, description="", auth="none", redis=True)

    assert calls == ["auth setup-git", "workflow run ci.yml --ref main"]
    answers = yaml.safe_load(git(copy.remote, "show", "main:.copier-answers.yml"))
    assert (answers["project_name"], answers["auth"], answers["redis"]) == (name, "none", True)
    assert answers["description"] == "A production-grade FastAPI service."
    assert git(copy.remote, "log", "-1", "--format=%an", "main") == "github-actions[bot]\n"


def test_a_refused_push_opens_an_issue_with_the_command(copy: Copy, tmp_path: Path) -> None:
    before = git(copy.remote, "rev-parse", "main")
    write_program(copy.remote / "hooks/pre-receive", REFUSING_HOOK)

    setup, title, *text = run_workflow(copy, tmp_path)

    assert setup == "auth setup-git"
    assert title.startswith("issue create --title Make this copy of the template a project --body")
    assert "https://github.com/ann/shop-api/actions/runs/7" in title
    assert text[-1] == "    uv run hooks/bootstrap.py && git push"
    assert git(copy.remote, "rev-parse", "main") == before


# --- The weekly CI job that reports new versions of the template ---


@pytest.mark.skipif(shutil.which("jq") is None, reason="GitHub's machines have jq")
def test_ci_opens_an_issue_for_each_later_version(
    copy: Copy, upstream: Path, tmp_path: Path
) -> None:
    assert copy.bootstrap().returncode == 0
    steps = yaml.safe_load((copy.root / CI).read_text())["jobs"]["template"]["steps"]
    check, open_issue = (step for step in steps if "run" in step)
    output = tmp_path / "output"

    def version() -> str:
        output.write_text("")
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
        run(*shell, check["run"], cwd=copy.root, env={**copy.env, "GITHUB_OUTPUT": str(output)})
        return output.read_text()

    assert version() == ""
    release(upstream, "v1.1.0")
    assert version() == "version=1.1.0\n"

    programs = tmp_path / "programs"
    programs.mkdir()
    for known, created in (("false", True), ("true", False)):
        calls = tmp_path / f"known-{known}.txt"
        # The fake `gh` prints a fixed result, whereas the real `gh` filters a response with jq.
        write_program(
            programs / "gh", f'{FAKE_GITHUB_CLI}case "$*" in *list*) echo {known};; esac\n'
        )
        env = {
            "PATH": f"{programs}{os.pathsep}{copy.env['PATH']}",
            "GH_CALLS": str(calls),
            "GITHUB_REPOSITORY": "ann/shop-api",
            "TITLE": open_issue["env"]["TITLE"].replace(
                "${{ steps.check.outputs.version }}", "1.1.0"
            ),
        }
        run("bash", "-e", "-c", open_issue["run"], cwd=copy.root, env=environment(**env))

        assert ("issue create" in calls.read_text()) is created
        assert ("uv run just template-update" in calls.read_text()) is created
        assert "Version 1.1.0 of the template" in calls.read_text()
