# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.19,<10"]
# ///
"""Make a project of a copy of the template: `uv run hooks/bootstrap.py orm=tortoise redis=true`.

GitHub's "Use this template" copies this repository, and .github/workflows/bootstrap.yml runs this
there. What is generated comes from the template's own repository, in its latest version: of a copy,
without history and tags, no project could be updated. The commit is made aside, and then taken
over at once: whatever goes wrong before, the copy is as it was. It pushes nothing.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
from copier.errors import CopierError

# In full, as Renovate does not know copier's abbreviations.
TEMPLATE = "https://github.com/copier-fastapi/copier-fastapi"
ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = ".github/workflows"


def main() -> None:
    arguments = read_arguments()
    answers = parse_inputs(arguments.inputs) | dict(map(parse, arguments.answers))
    name = repository_name()
    with TemporaryDirectory() as folder:
        project = Path(folder, "project")
        generate(project, arguments.source, answers, name)
        keep_workflows(project)
        lock(project)
        commit = commit_of(project, Path(folder, "index"))
    # It is all or nothing, and stops where a file that git ignores is in the way.
    git("merge", "--quiet", "--ff-only", "--no-overwrite-ignore", commit)
    print("\nThis is the project now, in one commit. Look at it, and push it:\n")
    print(
        "    uv run app dev\n    git push\n\nThe way back, to the template: git reset --hard HEAD~1"
    )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make a project of this copy of the template.",
        epilog="In a terminal it asks what is not answered; elsewhere it takes the defaults.",
    )
    parser.add_argument("answers", nargs="*", metavar="KEY=VALUE", help="such as redis=true")
    parser.add_argument(
        "--from", dest="source", default=TEMPLATE, help="another repository of the template"
    )
    parser.add_argument(
        "--inputs", default="{}", metavar="JSON", help="answers too, from the form of the workflow"
    )
    return parser.parse_intermixed_args()


def parse_inputs(text: str) -> dict[str, Any]:
    """The form has no defaults that are made of other answers: a field left alone is no answer."""
    return {name: value for name, value in json.loads(text).items() if value not in {"", False}}


def parse(answer: str) -> tuple[str, str]:
    name, separator, value = answer.partition("=")
    if not (name and separator):
        sys.exit(f"{answer!r} should be written KEY=VALUE, such as redis=true.")
    return name, value


def repository_name() -> str:
    """The name of this repository, once it is sure that this is a copy whose files can be swapped."""
    if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
        sys.exit(f"{ROOT} is not the root of a git repository, so there is nothing to swap.")
    origin = git("config", "--get", "--default", "", "remote.origin.url")
    path = origin.rstrip("/").removesuffix(".git")
    if re.search(r"[/:]copier-fastapi/copier-fastapi$", path, re.IGNORECASE):
        sys.exit(
            f"This is the template itself ({origin}). To generate a project beside it:\n\n"
            "    uvx copier copy --trust gh:copier-fastapi/copier-fastapi ../myapi"
        )
    if git("status", "--porcelain", "--untracked-files=all"):
        sys.exit("Something is not committed, and every file will be swapped. Commit it first.")
    return re.split("[/:]", path)[-1] or ROOT.name


def generate(project: Path, source: str, answers: dict[str, Any], name: str) -> None:
    if Path(source).exists():
        source = str(Path(source).resolve())
    try:
        copier.run_copy(
            source,
            project,
            data=answers,
            user_defaults={"project_name": name[:60]},
            defaults=not sys.stdin.isatty(),
            quiet=True,
            skip_tasks=True,
        )
        record = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing was changed.")
    except (CopierError, ValueError, OSError) as error:
        sys.exit(f"Nothing was generated from {source}: {error}")
    if "\n_commit: " not in record:
        sys.exit(f"{source} has no versions, so that the project could never be updated.")


def keep_workflows(project: Path) -> None:
    """Leave those alone that the copy has, maybe newer: a workflow's token may not change them."""
    for path in (project / WORKFLOWS).glob("*"):
        if (ROOT / WORKFLOWS / path.name).exists():
            shutil.copy(ROOT / WORKFLOWS / path.name, path)


def lock(project: Path) -> None:
    # uv names itself to what it runs.
    if subprocess.run([os.environ.get("UV", "uv"), "lock"], cwd=project, check=False).returncode:
        sys.exit("uv lock failed, and CI wants uv.lock. Nothing was changed.")


def commit_of(project: Path, index: Path) -> str:
    """Write a commit that holds the project alone, without a look at the files that are here."""
    elsewhere = {
        "GIT_DIR": git("rev-parse", "--absolute-git-dir"),
        "GIT_INDEX_FILE": str(index),
        "GIT_WORK_TREE": str(project),
    }
    git("add", "--all", "--force", **elsewhere)
    tree = git("write-tree", **elsewhere)
    return git("commit-tree", tree, "-p", "HEAD", "-m", "Generate the project")


def git(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - the user's own
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
