"""Checks identical files only once, although many rendered projects contain them.

Most files are identical in many rendered projects. Together, the projects for all combinations of
options contain thousands of files, but only a few hundred distinct texts.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.rendering import digests

type Unchecked = Callable[..., AbstractContextManager[dict[str, str]]]


@contextmanager
def unchecked(
    passed: Path, check: str, tree: Path, suffixes: tuple[str, ...] = ("",), context: str = ""
) -> Iterator[dict[str, str]]:
    """Yield the texts of the project's files that have not yet passed the check, by path.

    When the block ends without an error, the texts are recorded in the folder `passed`, which all
    pytest workers share. The record contains the path, because the result of a check may depend on
    the path. The argument `context` describes everything else on which the result depends, such as
    the linter's settings. Two workers may check the same text at the same time.
    """
    folder = passed / check
    folder.mkdir(parents=True, exist_ok=True)
    known = {path.name for path in folder.iterdir()}
    listed = digests(tree)
    records = {
        path: hashlib.sha256(
            "\0".join([path, digest, context, str(is_in_package(path, listed))]).encode()
        ).hexdigest()
        for path, digest in listed.items()
        if path.endswith(suffixes)
    }
    new = [path for path, record in records.items() if record not in known]
    yield {path: (tree / path).read_text(encoding="utf-8") for path in new}
    for path in new:
        (folder / records[path]).touch()


def is_in_package(path: str, listed: dict[str, str]) -> bool:
    """Return whether the file is in a Python package, which ruff's rule INP001 checks."""
    folder, separator, _ = path.rpartition("/")
    return f"{folder}{separator}__init__.py" in listed
