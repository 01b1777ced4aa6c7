# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.15.1,<10", "pyyaml>=6"]
# ///
"""Switch an option of this project on or off, and first list everything that this changes.

Run this script as `just add redis` or `just remove redis`. With `--preview`, it only prints the
list. The project is updated by `template_update.py`, which commits nothing.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import template_update
import yaml
from copier.errors import CopierError
from template_update import (
    ANSWERS,
    SAVED_FILES,
    SKIPPED_FILES,
    print_list,
    read_answers,
    render,
    require_clean_tree,
)

type Answers = dict[str, str | bool]

OPTIONS: dict[str, tuple[str, str | bool, str | bool]] = {
    "auth": ("auth", "none", "jwt"),
    "redis": ("redis", False, True),
    "websockets": ("websockets", False, True),
    "worker": ("worker", False, True),
    "telemetry": ("telemetry", False, True),
    "uploads": ("uploads", False, True),
    "kubernetes": ("kubernetes", False, True),
    "github": ("ci", "none", "github"),
    "gitlab": ("ci", "none", "gitlab"),
}
"""The question of each option, and the answers that switch the option off and on."""

NEEDS = {"worker": "redis"}
"""Options that need another option."""

OWNERS = (
    "Existing items will have no owner, so only admins can access them."
    " To create an admin, run: uv run app users create-admin EMAIL"
)

MIGRATIONS = "migrations/versions/"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="just", description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=["add", "remove"])
    parser.add_argument("option", metavar="OPTION", help=", ".join(OPTIONS))
    parser.add_argument("--preview", action="store_true", help="list the changes, and change none")
    given = parser.parse_args(arguments)
    answers = read_answers()
    changes = changed_answers(given.action, given.option, answers)
    if not given.preview:
        require_clean_tree()
    due = print_changes(answers, changes)
    if due and given.action == "remove":
        print(f"The migration drops the tables and columns of {given.option}, with their data.")
    if (given.action, given.option) == ("add", "auth"):
        print(OWNERS)
    if given.preview:
        print("\nThis was a preview. No file was changed.")
        return
    print(flush=True)  # Show the list before the update starts, also if the output is a pipe.
    template_update.main([f"{name}={value}".lower() for name, value in changes.items()])
    revision = f'uv run app db revision -m "{given.action} {given.option}"'
    print_list("Next, run:", [*([revision] if due else []), "uv run just check"])


def changed_answers(action: str, option: str, answers: Answers) -> Answers:
    """Return the answers that switch the option, and the options that this switches as well."""
    if option not in OPTIONS:
        sys.exit(f"There is no option {option!r}. The options are: {', '.join(OPTIONS)}.")
    question, off, on = OPTIONS[option]
    answer = answers.get(question, off)
    if (answer == on) == (action == "add"):
        sys.exit(f"{option} is already switched {'on' if action == 'add' else 'off'}.")
    if action == "add" and answer != off:
        print(f"The option {option} replaces: {answer}")
    if action == "add":
        needed = NEEDS.get(option)
        others = [needed] if needed and not answers.get(needed) else []
    else:
        others = [name for name, needed in NEEDS.items() if needed == option and answers.get(name)]
    if others:
        print(f"The option {option} is switched together with: {', '.join(others)}")
    return {question: on if action == "add" else off} | dict.fromkeys(others, action == "add")


def print_changes(answers: Answers, changes: Answers) -> bool:
    """List what an update with the changed answers changes. Return whether models change."""
    try:
        with tempfile.TemporaryDirectory() as old, tempfile.TemporaryDirectory() as new:
            render(answers, Path(old))
            # Without a version, copier renders the latest version, as an update does.
            render({**answers, **changes, "_commit": None}, Path(new))
            before, after = files(Path(old)), files(Path(new))
            version = yaml.safe_load((Path(new) / ANSWERS).read_text(encoding="utf-8"))["_commit"]
    except KeyboardInterrupt:
        sys.exit("Interrupted. No file was changed.")
    except (CopierError, ValueError, OSError) as error:  # copier raises git errors as OSError
        sys.exit(f"{error}\nNo file was changed.")
    due = migrations(before) != migrations(after)
    before, after = without_migrations(before), without_migrations(after)
    added, gone = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    present = {
        name: data for name in before.keys() | after.keys() if (data := content(name)) is not None
    }
    edited = {name for name in (changed | gone) & present.keys() if present[name] != before[name]}
    created = {name for name in added & present.keys() if present[name] != after[name]}
    if version != answers["_commit"]:
        print(f"The template is updated as well, from {answers['_commit']} to {version}.")
    for title, names in {
        "Added:": folders(added, before),
        "Changed:": changed & present.keys(),
        "Deleted:": folders(gone & present.keys(), after),
        "You have edited these files, so your changes may conflict:": edited - gone,
        "You have created these files, so they conflict with the files of the option:": created,
        SKIPPED_FILES: changed - present.keys(),
        f"You have edited these files. Copies will be in {SAVED_FILES}:": edited & gone,
        "New settings, described in .env.example:": settings(after) - settings(before),
    }.items():
        if names:
            print_list(title, sorted(names))
    if due:
        print("\nThe models change, so the database needs a migration after the update.")
    return due


def files(root: Path) -> dict[str, bytes]:
    """Return the content of each file that is rendered into the folder, except the answers."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != ANSWERS.name)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def content(name: str) -> bytes | None:
    return Path(name).read_bytes() if Path(name).is_file() else None


def migrations(tree: dict[str, bytes]) -> set[str]:
    return {name for name in tree if name.startswith(MIGRATIONS)}


def without_migrations(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out the migrations, because an update never changes them."""
    return {name: tree[name] for name in tree.keys() - migrations(tree)}


def folders(names: set[str], other: dict[str, bytes]) -> set[str]:
    """Replace the files in folders that `other` does not contain by the names of these folders."""
    known = {folder for name in other for folder in parents(name)}
    return {next((f for f in parents(name) if f not in known), name) for name in names}


def parents(name: str) -> Iterator[str]:
    """Yield the folders that contain the file, the outermost first."""
    for match in re.finditer("/", name):
        yield name[: match.end()]


def settings(tree: dict[str, bytes]) -> set[str]:
    """Return the settings in .env.example. Settings that are not commented out are required."""
    found = re.findall(r"^(#?)([A-Z0-9_]+)=", tree[".env.example"].decode(), re.MULTILINE)
    return {name if optional else f"{name} (required)" for optional, name in found}


if __name__ == "__main__":
    main(sys.argv[1:])
