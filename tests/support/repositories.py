"""Helpers that create Git commits, and tag releases of the template."""

import shutil
from pathlib import Path

from filelock import FileLock

from tests.support.running import run


def git(repository: Path, *arguments: str) -> str:
    return run("git", "-C", repository, *arguments, cwd=repository)


def commit(repository: Path) -> None:
    """Commit all files of the repository."""
    git(repository, "add", "--all", ".")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=Commit of a test")


def release(repository: Path, tag: str) -> None:
    """Commit all files, and tag the commit as a release of the template."""
    commit(repository)
    git(repository, "tag", tag)


def committed(repository: Path) -> set[str]:
    """Return the paths of the files in the last commit."""
    return set(git(repository, "ls-tree", "-rz", "--name-only", "HEAD").split("\0")) - {""}


def released_template(template: Path, shared: Path) -> Path:
    """Return a Git repository of the template with one release, created once per test run."""
    repository = shared / "released/template"
    with FileLock(shared / "released.lock"):
        if not repository.exists():
            unfinished = repository.with_name("unfinished")
            shutil.copytree(template, unfinished)
            git(unfinished, "init", "--quiet")
            release(unfinished, "v1.0.0")
            unfinished.rename(repository)
    return repository
