"""Run commands in one project after another, and import slow modules only once.

Each line on stdin is a JSON array: the project's folder, then the words of a command. Each line on
stdout is a JSON array: the command's exit code and its output. A Python console script runs in a
fork of this process, with the modules already imported. Other programs are started normally. The
script must run in an environment that has MODULES installed.
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
"""Modules that take long to import, used by the commands and by the projects."""


def execute(project: Path, command: list[str], output: int) -> None:
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(project)
    # The parent folder may contain the project's dist-info, which an installation would create.
    sys.path[:0] = [str(project / "src"), str(project.parent)]
    sys.argv = command
    for program in entry_points(group="console_scripts", name=command[0]):
        sys.exit(program.load()())
    os.execvp(command[0], command)


if __name__ == "__main__":
    for name in MODULES:
        import_module(name)
    gc.freeze()  # Otherwise garbage collection in each fork would copy all this memory.
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork")
    for line in sys.stdin:
        folder, *words = json.loads(line)
        with tempfile.TemporaryFile("w+") as output:
            child = multiprocessing.Process(
                target=execute, args=(Path(folder), words, output.fileno())
            )
            child.start()
            child.join()
            output.seek(0)
            print(json.dumps([child.exitcode, output.read()]), flush=True)
