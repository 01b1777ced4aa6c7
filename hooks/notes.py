"""After an update, show what has changed: the releases in CHANGELOG.md from one version to another.

copier runs this in the updated project. A migration that fails would end the update halfway, so
this one never does. Standard library only, as the interpreter is copier's.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(changelog: str, before: str, after: str) -> str:
    """The sections of the releases after one version, up to another."""
    sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)
    first, last = release(before), release(after)
    return "".join(section for section in sections if first < release(section) <= last)


def release(text: str) -> tuple[int, ...]:
    """The release that a heading names, or that what `git describe` says is or comes after."""
    found = re.match(r"(?:## \[|v)(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


if __name__ == "__main__":
    with suppress(Exception):
        new = notes(CHANGELOG.read_text(encoding="utf-8"), *sys.argv[1:])
        # Past Python's buffer, which would fail the exit too where nobody reads any more.
        os.write(1, f"\n{new}".encode(sys.stdout.encoding, "backslashreplace") if new else b"")
