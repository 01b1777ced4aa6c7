# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.19,<10"]
# ///
"""Turn a copy of this template into a project: `uv run hooks/bootstrap.py orm=tortoise`.

GitHub's "Use this template" button creates a new repository from the template, and
.github/workflows/bootstrap.yml runs this script in the new repository. The script generates the
project from the latest release of the template, not from the files of the new repository:
`copier update` needs a release tag, and the new repository has none. The script prepares a
commit in a temporary folder and then fast-forwards the branch to this commit, so an error leaves
the new repository unchanged. The script does not push the commit.
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

# TEMPLATE is the full URL, because Renovate does not resolve copier's `gh:` shortcut.
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
    # With --no-overwrite-ignore, `git merge` fails instead of overwriting a file that git ignores.
    git("merge", "--quiet", "--ff-only", "--no-overwrite-ignore", commit)
    print("\nThe last commit replaces the template with the project. Try it out, then push it:\n")
    print("    uv run app dev\n    git push\n\nTo undo this commit: git reset --hard HEAD~1")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Turn this copy of the template into a project.",
        epilog="In a terminal, copier asks for the other answers. Otherwise, it uses the defaults.",
    )
    parser.add_argument("answers", nargs="*", metavar="KEY=VALUE", help="such as redis=true")
    parser.add_argument(
        "--from", dest="source", default=TEMPLATE, help="URL or path of the template's repository"
    )
    parser.add_argument(
        "--inputs", default="{}", metavar="JSON", help="answers from the workflow's form, as JSON"
    )
    return parser.parse_intermixed_args()


def parse_inputs(text: str) -> dict[str, Any]:
    """Return the answers from the workflow's form, but omit empty fields and unticked checkboxes.

    If an answer is missing, copier uses the question's default, which may depend on other answers.
    """
    return {name: value for name, value in json.loads(text).items() if value not in {"", False}}


def parse(answer: str) -> tuple[str, str]:
    name, separator, value = answer.partition("=")
    if not (name and separator):
        sys.exit(f"{answer!r} is not of the form KEY=VALUE, such as redis=true.")
    return name, value


def repository_name() -> str:
    """Return the repository's name.

    Exit if the repository is not a copy of the template, or if it has uncommitted changes.
    """
    if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
        sys.exit(f"{ROOT} is not the root of a git repository. Run this in a clone of your copy.")
    origin = git("config", "--get", "--default", "", "remote.origin.url")
    path = origin.rstrip("/").removesuffix(".git")
    if re.search(r"[/:]copier-fastapi/copier-fastapi$", path, re.IGNORECASE):
        sys.exit(
            f"This is the template's repository ({origin}). To generate a project from it:\n\n"
            "    uvx copier copy --trust gh:copier-fastapi/copier-fastapi ../myapi"
        )
    if git("status", "--porcelain", "--untracked-files=all"):
        sys.exit("Some changes are not committed. Commit them, because this replaces all files.")
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
        sys.exit(f"No project was generated from {source}: {error}")
    if "\n_commit: " not in record:
        sys.exit(f"{source} has no release tags, so copier could not update the project.")


def keep_workflows(project: Path) -> None:
    """Keep the workflow files, because GitHub does not let a workflow's token change them."""
    for path in (project / WORKFLOWS).glob("*"):
        if (ROOT / WORKFLOWS / path.name).exists():
            shutil.copy(ROOT / WORKFLOWS / path.name, path)


def lock(project: Path) -> None:
    # `uv run` sets the variable UV to the path of the uv executable.
    if subprocess.run([os.environ.get("UV", "uv"), "lock"], cwd=project, check=False).returncode:
        sys.exit("uv lock failed, but CI needs uv.lock. Nothing was changed.")


def commit_of(project: Path, index: Path) -> str:
    """Commit the project's files on top of HEAD, and return the commit's hash.

    The commit uses a separate index and work tree, so this repository's files and branch stay
    unchanged.
    """
    variables = {
        "GIT_DIR": git("rev-parse", "--absolute-git-dir"),
        "GIT_INDEX_FILE": str(index),
        "GIT_WORK_TREE": str(project),
    }
    git("add", "--all", "--force", **variables)
    tree = git("write-tree", **variables)
    return git("commit-tree", tree, "-p", "HEAD", "-m", "Generate the project")


def git(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - the user's git, as found in PATH
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
