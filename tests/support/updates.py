"""Helpers that update a project, and find merge conflicts after the update."""

import re
import runpy
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import copier
import pytest

from tests.support.options import Answers
from tests.support.rendering import IN_PROCESS, files
from tests.support.running import environment

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
"""Example of a CHANGELOG.md with three releases."""


def update(project: Path, answers: Answers) -> None:
    """Update the project with copier's Python API, and change the given answers."""
    # copier refuses a template with tasks unless `unsafe` is set, even if `skip_tasks` is set.
    copier.run_update(project, data=dict(answers), overwrite=True, unsafe=True, **IN_PROCESS)


def run_script(project: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the project in the test process, to reuse copier's cache of templates.

    If the script does not handle an exception, the test fails.
    """
    command = [script, *arguments]
    output = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(output):
        patch.chdir(project)
        patch.setattr(sys, "argv", command)
        patch.syspath_prepend(str((project / script).parent))
        for name, value in environment().items():
            patch.setenv(name, value)
        try:
            runpy.run_path(script, run_name="__main__")
            exit_code = 0
        except SystemExit as ended:
            output.write(str(ended.code))
            exit_code = 1
    return subprocess.CompletedProcess(command, exit_code, output.getvalue())


def append(path: Path, line: str) -> None:
    """Append a line to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def files_with_conflicts(project: Path) -> list[str]:
    """Return the paths of the files in which an update left a merge conflict."""
    marks = re.compile(rb"^(<{7}|={7}|>{7})", re.MULTILINE)
    return [name for name, data in files(project).items() if marks.search(data) or ".rej" in name]
