"""Print the release notes of all versions between a project's old and new template version.

After an update, copier runs this script in the project, because copier.yml lists the script under
`_migrations`. The script always exits with 0, because a failed command in `_migrations` would make
copier abort the update halfway. The script uses only the standard library, because it runs in
copier's Python environment.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(changelog: str, before: str, after: str) -> str:
    """Return the changelog sections of all versions after `before`, up to and including `after`."""
    sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)
    first, last = release(before), release(after)
    return "".join(section for section in sections if first < release(section) <= last)


def release(text: str) -> tuple[int, ...]:
    """Parse the version in a heading of the changelog or in the output of `git describe`.

    If the text contains no version, return an empty tuple, which sorts before all versions.
    """
    found = re.match(r"(?:## \[|v)(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


if __name__ == "__main__":
    with suppress(Exception):
        new = notes(CHANGELOG.read_text(encoding="utf-8"), *sys.argv[1:])
        # Do not use `print`, because Python exits with an error if it cannot flush `sys.stdout`.
        # Flushing fails if the reader has closed the pipe (`| head`) or if the disk is full.
        os.write(1, f"\n{new}".encode(sys.stdout.encoding, "backslashreplace") if new else b"")
