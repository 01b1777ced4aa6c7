# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.15.1,<10", "pyyaml>=6"]
# ///
"""Update this project to the latest template version, or change an answer to a template question.

Run this script as `just template-update` or, to change an answer, as
`just template-update redis=true`. The script commits nothing. It handles three cases in which
`copier update` reports success although changes are lost:

- Switching an option off deletes the option's files, even those that you have edited. This script
  saves a copy of each edited file and lists the copies.
- Your changes conflict with changes in the template. This script lists the files that contain
  conflicts, and exits with an error.
- The new template version changes a file that you have renamed or deleted, so copier skips the
  change. This script lists the skipped files, and exits with an error.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import CopierError

ANSWERS = Path(".copier-answers.yml")
SAVED_FILES = Path(".local/template-update")
SKIPPED_FILES = (
    "The template changes files that you renamed or deleted. Make these changes by hand:"
)
UNDO = "To undo the update, run: git reset --hard && git clean -fd"
CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
FIXED_ANSWERS = {"orm", "database"}


def main(changes: list[str]) -> None:
    answers = read_answers()
    wanted = dict(parse(change, answers) for change in changes)
    require_clean_tree()
    try:
        with tempfile.TemporaryDirectory() as folder:
            generated = Path(folder)
            render(answers, generated)
            copier.run_update(
                ".", data=wanted, defaults=True, overwrite=True, unsafe=True, conflict="inline"
            )
            saved = save_edited_files(generated)
            skipped = changed_but_absent(generated)
    except KeyboardInterrupt:
        sys.exit(f"The update was interrupted. {UNDO}")
    except (CopierError, ValueError, OSError) as error:  # copier raises git errors as OSError
        sys.exit(f"{error}\n{UNDO}")
    if saved:
        print_list(f"The update deleted edited files. Copies are in {SAVED_FILES}:", saved)
    now = read_answers()
    if unavailable := sorted(answers.keys() - now.keys()):
        print_list("These options are not available with the current answers:", unavailable)
    now |= dict.fromkeys(unavailable, False)
    rejected = [
        f"{name}={value}"
        for name, value in wanted.items()
        if not was_accepted(value, now.get(name))
    ]
    if rejected:
        sys.exit(f"The template did not accept this answer: {', '.join(rejected)}\n{UNDO}")
    if skipped:
        print_list(SKIPPED_FILES, skipped)
    if conflicts := find_conflicts():
        print_list("Resolve the conflicts, between <<<<<<< and >>>>>>>, in these files:", conflicts)
    if skipped or conflicts:
        sys.exit(UNDO)
    print(f"\nThe project is updated. The changes are not committed. {UNDO}")


def read_answers() -> dict[str, Any]:
    if not ANSWERS.exists():
        sys.exit(f"{ANSWERS} does not exist here. Run this command at the root of the project.")
    try:
        answers = yaml.safe_load(ANSWERS.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        sys.exit(f"{ANSWERS} cannot be read: {error}")
    if not (isinstance(answers, dict) and {"_commit", "_src_path"} <= answers.keys()):
        sys.exit(f"{ANSWERS} contains no template version, so there is nothing to update from.")
    return answers


def require_clean_tree() -> None:
    # Check for untracked files too, because undoing the update with `git clean` deletes them.
    if git("status", "--porcelain", "--untracked-files"):
        sys.exit(
            "The project has uncommitted changes, which undoing the update would delete."
            " Commit them first."
        )


def parse(change: str, answers: dict[str, Any]) -> tuple[str, str]:
    """Split an argument such as `redis=true` into name and value.

    copier converts the value to the type of the question.
    """
    name, separator, value = change.partition("=")
    if not separator or not name or name.startswith("_"):
        sys.exit(f"{change!r} should have the form KEY=VALUE, such as redis=true.")
    if name in FIXED_ANSWERS and value != answers.get(name):
        sys.exit(
            f"{name} cannot be switched, because migrations and rows are not converted. Generate a "
            f"new project with {change}, and move your features and data to it."
        )
    return name, value


def was_accepted(given: str, answer: object) -> bool:
    """Return whether copier stored the given value as the answer.

    copier ignores the value of a question that it does not ask, and treats a misspelled boolean as
    true.
    """
    return answer is not None and str(answer).lower() == given.lower()


def render(answers: dict[str, Any], destination: Path) -> None:
    """Render the template version that `answers` records, with these answers."""
    copier.run_copy(
        answers["_src_path"],
        destination,
        data={name: value for name, value in answers.items() if not name.startswith("_")},
        vcs_ref=answers["_commit"],
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )


def save_edited_files(generated: Path) -> list[str]:
    """Copy each edited file that the update deleted to `SAVED_FILES`, and return the file names."""
    saved = []
    for name in git("ls-files", "-z", "--deleted").split("\0"):
        if not name:
            continue
        committed = subprocess.check_output(["git", "show", f"HEAD:./{name}"])
        original = generated / name
        if not original.exists() or original.read_bytes() != committed:
            (SAVED_FILES / name).parent.mkdir(parents=True, exist_ok=True)
            (SAVED_FILES / name).write_bytes(committed)
            saved.append(name)
    return saved


def changed_but_absent(generated: Path) -> list[str]:
    """Return the files that the new template version changes but the project does not contain."""
    with tempfile.TemporaryDirectory() as folder:
        updated = Path(folder)
        render(read_answers(), updated)
        changed = (
            path.relative_to(generated)
            for path in generated.rglob("*")
            if path.is_file()
            and (new := updated / path.relative_to(generated)).is_file()
            and new.read_bytes() != path.read_bytes()
        )
        return sorted(path.as_posix() for path in changed if not path.exists())


def find_conflicts() -> list[str]:
    names = git("ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")
    files = sorted({name for name in names if name and Path(name).is_file()})
    return [
        name for name in files if name.endswith(".rej") or CONFLICT.search(Path(name).read_bytes())
    ]


def print_list(title: str, names: list[str]) -> None:
    print("\n".join(["", title, *(f"  {name}" for name in names)]))


def git(*arguments: str) -> str:
    try:
        return subprocess.check_output(["git", *arguments], encoding="utf-8")
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        sys.exit(f"This command needs git, and the project must be in a git repository. {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
