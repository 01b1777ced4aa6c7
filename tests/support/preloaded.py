"""Run commands for static checks in forks of a process that has already imported slow modules.

Each line on stdin is a JSON array with a project's folder and the words of a command. Each line on
stdout is a JSON array with the command's exit code and output. A Python console script runs in a
fork of this process, which has imported MODULES. Any other command is executed as a program. This
script must run in a virtual environment in which MODULES are installed.
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
"""Modules that are slow to import, and that the commands or the projects use."""


def execute(project: Path, command: list[str], output: int) -> None:
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(project)
    # The parent folder may contain the project's dist-info, as if the project were installed.
    sys.path[:0] = [str(project / "src"), str(project.parent)]
    sys.argv = command
    for program in entry_points(group="console_scripts", name=command[0]):
        sys.exit(program.load()())
    os.execvp(command[0], command)


if __name__ == "__main__":
    for name in MODULES:
        import_module(name)
    gc.freeze()  # Prevent garbage collection in a fork from copying memory.
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
