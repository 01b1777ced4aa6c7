"""Write the OpenAPI documents of one project after another, with the libraries imported once.

A script for a Python that has them: each line that it reads is a project's folder, whose document
goes into a file beside it, and each that it writes is the exit code of the process that did it.
"""

import json
import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

LIBRARIES = (
    "fastapi",
    "pydantic_settings",
    "structlog",
    "typer",
    "sqlmodel",
    "tortoise",
    "piccolo",
)
"""What takes long to import, and projects need."""


def write_document(project: Path) -> None:
    os.chdir(project)
    sys.path[:0] = [str(project / "src"), str(project.parent)]
    settings = import_module("app.config").example_settings()
    document = import_module("app.main").create_app(settings).openapi()
    # Others may write it, or read it, at the same time.
    unfinished = project.with_name(f"openapi-{os.getpid()}.json")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.replace(project.with_name("openapi.json"))


if __name__ == "__main__":
    for name in LIBRARIES:
        import_module(name)
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork")
    for line in sys.stdin:
        child = multiprocessing.Process(target=write_document, args=(Path(line.strip()),))
        child.start()
        child.join()
        print(child.exitcode, flush=True)
