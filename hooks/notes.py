"""Print the sections of CHANGELOG.md for the releases that an update has brought.

copier runs this script as a migration in the updated project. A migration that fails would abort
the update halfway, so this script always exits with 0. It uses the standard library only, because
it runs in copier's environment.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(changelog: str, before: str, after: str) -> str:
    """Return the changelog's sections of the releases after `before`, up to `after` inclusive."""
    sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)
    first, last = release(before), release(after)
    return "".join(section for section in sections if first < release(section) <= last)


def release(text: str) -> tuple[int, ...]:
    """Parse the version in a heading of the changelog or in the output of `git describe`.

    An empty tuple, which sorts before all versions, stands for text without a version.
    """
    found = re.match(r"(?:## \[|v)(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


if __name__ == "__main__":
    with suppress(Exception):
        new = notes(CHANGELOG.read_text(encoding="utf-8"), *sys.argv[1:])
        # Write to the file descriptor: Python exits with an error if it cannot flush sys.stdout.
        os.write(1, f"\n{new}".encode(sys.stdout.encoding, "backslashreplace") if new else b"")
