"""Run commands in one project after another, with what they import imported once.

A script for a Python that has it. Each line that it reads is JSON, a project's folder and the words
of a command; each that it writes is the exit code, and what was said. A program of Python's runs in
a fork of this process, and any other as itself.
"""

import gc
import json
import multiprocessing
import os
import sys
import tempfile
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

MODULES = (
    "deptry.cli",
    "fastapi",
    "importlinter.cli",
    "limits.aio.storage",
    "mypy.main",
    "piccolo",
    "pydantic_settings",
    "redis.asyncio",
    "sqlmodel",
    "structlog",
    "tortoise",
    "typer",
    "uvicorn",
)
"""What takes long to import: the programs', and the projects'."""


def execute(project: Path, command: list[str], output: int) -> None:
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(project)
    # Beside it may stand what its installation would tell of it.
    sys.path[:0] = [str(project / "src"), str(project.parent)]
    sys.argv = command
    for program in entry_points(group="console_scripts", name=command[0]):
        sys.exit(program.load()())
    os.execvp(command[0], command)


if __name__ == "__main__":
    for name in MODULES:
        import_module(name)
    gc.freeze()  # So that no fork copies it all, to look for garbage in it.
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork")
    for line in sys.stdin:
        folder, *words = json.loads(line)
        with tempfile.TemporaryFile("w+") as said:
            child = multiprocessing.Process(
                target=execute, args=(Path(folder), words, said.fileno())
            )
            child.start()
            child.join()
            said.seek(0)
            print(json.dumps([child.exitcode, said.read()]), flush=True)
