# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.15.1,<10", "pyyaml>=6"]
# ///
"""Take a later version of the template, or give it other answers: `just template-update redis=true`.

copier by itself deletes what an option takes along, though you have changed it. It reports success
where it leaves conflicts, and where a new version changes a file that you have renamed or deleted.
This keeps and lists the first, and fails on the others. It commits nothing.
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
KEPT = Path(".local/template-update")
WAY_BACK = "The way back: git reset --hard && git clean -fd"
CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
FIXED = {"orm", "database"}


def main(changes: list[str]) -> None:
    answers = read_answers()
    wanted = dict(parse(change, answers) for change in changes)
    if git("status", "--porcelain", "--untracked-files"):  # `git clean` is a part of the way back
        sys.exit("Something is not committed. Commit it first: it is the way back.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            generated = Path(folder)
            render(answers, generated)
            copier.run_update(
                ".", data=wanted, defaults=True, overwrite=True, unsafe=True, conflict="inline"
            )
            kept = keep_edited(generated)
            left_out = changed_but_absent(generated)
    except KeyboardInterrupt:
        sys.exit(f"Stopped. {WAY_BACK}")
    except (CopierError, ValueError, OSError) as error:  # of the last kind are git's
        sys.exit(f"{error}\n{WAY_BACK}")
    if kept:
        show(f"Gone with an option, though you had changed them; kept in {KEPT}:", kept)
    now = read_answers()
    if unasked := sorted(answers.keys() - now.keys()):
        show("No longer asked, with these answers:", unasked)
    now |= dict.fromkeys(unasked, False)
    if missed := [f"{name}={it}" for name, it in wanted.items() if not became(it, now.get(name))]:
        sys.exit(f"The template did not take this answer: {', '.join(missed)}\n{WAY_BACK}")
    if left_out:
        show(
            "The template changes files that you renamed or deleted. Make these changes by hand:",
            left_out,
        )
    if conflicts := find_conflicts():
        show("Your changes and the template's meet, between <<<<<<< and >>>>>>> in:", conflicts)
    if left_out or conflicts:
        sys.exit(WAY_BACK)
    print(f"\nUpdated, and nothing committed. {WAY_BACK}")


def read_answers() -> dict[str, Any]:
    if not ANSWERS.exists():
        sys.exit(f"No {ANSWERS} here: run this at the root of the project.")
    try:
        answers = yaml.safe_load(ANSWERS.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        sys.exit(f"{ANSWERS} cannot be read: {error}")
    if not (isinstance(answers, dict) and {"_commit", "_src_path"} <= answers.keys()):
        sys.exit(f"{ANSWERS} names no version of the template, so there is nothing to update from.")
    return answers


def parse(change: str, answers: dict[str, Any]) -> tuple[str, str]:
    """`redis=true` is a name and a value; copier makes of it what the question asks for."""
    name, separator, value = change.partition("=")
    if not separator or not name or name.startswith("_"):
        sys.exit(f"{change!r} should be written KEY=VALUE, such as redis=true.")
    if name in FIXED and value != answers.get(name):
        sys.exit(
            f"{name} cannot be switched: your migrations and rows would not come along. Generate a "
            f"new project with {change}, and move your features and data to it."
        )
    return name, value


def became(given: str, answer: object) -> bool:
    """Not so where copier does not ask, or takes a word that is misspelt for yes."""
    return answer is not None and str(answer).lower() == given.lower()


def render(answers: dict[str, Any], destination: Path) -> None:
    """What the template made of these answers, before anybody changed it."""
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


def keep_edited(generated: Path) -> list[str]:
    """Keep a copy of the files that are gone, and are not what the template had made them."""
    kept = []
    for name in git("ls-files", "-z", "--deleted").split("\0"):
        if not name:
            continue
        committed = subprocess.check_output(["git", "show", f"HEAD:./{name}"])
        original = generated / name
        if not original.exists() or original.read_bytes() != committed:
            (KEPT / name).parent.mkdir(parents=True, exist_ok=True)
            (KEPT / name).write_bytes(committed)
            kept.append(name)
    return kept


def changed_but_absent(generated: Path) -> list[str]:
    """The files that the new version of the template changes, and the project does not have."""
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


def show(title: str, names: list[str]) -> None:
    print("\n".join(["", title, *(f"  {name}" for name in names)]))


def git(*arguments: str) -> str:
    try:
        return subprocess.check_output(["git", *arguments], encoding="utf-8")
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        sys.exit(f"This needs git, and a project that is in a git repository. {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
