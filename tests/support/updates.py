"""Updating a project, and finding the conflicts that an update leaves."""

import re
from pathlib import Path

import copier

from tests.support.options import Answers
from tests.support.rendering import IN_PROCESS, files

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [1.10.0] - 2026-03-01

- Ten.

## [1.2.0] - 2026-02-01

- Two: “new”.

## [1.0.0] - 2026-01-01

- None.
"""
"""A changelog with three releases, for a template that is updated."""


def update(project: Path, answers: Answers) -> None:
    """Update the project in process, with these answers changed."""
    # A template with tasks has to be trusted, even though the tasks are skipped.
    copier.run_update(project, data=dict(answers), overwrite=True, unsafe=True, **IN_PROCESS)


def append(path: Path, line: str) -> None:
    """Add a line at the end of a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def unfinished(project: Path) -> list[str]:
    """Where an update left a conflict."""
    marks = re.compile(rb"^(<{7}|={7}|>{7})", re.MULTILINE)
    return [name for name, data in files(project).items() if marks.search(data) or ".rej" in name]
