"""Tests that the application and `app --help` import only the modules that they need."""

import json
import subprocess
import sys

APPLICATION = """
from app.config import example_settings
from app.main import create_app

create_app(example_settings())
"""

HELP = """
from app.cli import main

sys.argv = ["app", "--help"]
try:
    main()
except SystemExit:
    pass
"""

ONLY_FOR_COMMANDS = {"app.cli", "app_dev", "typer"}
NOT_FOR_HELP = {"app.core", "app.main", "fastapi", "pydantic", "rich", "structlog", "uvicorn"}


def test_the_application_imports_neither_commands_nor_migrations() -> None:
    imported = modules_of(APPLICATION)

    assert "fastapi" in imported
    assert not imported & ONLY_FOR_COMMANDS
    assert not [name for name in imported if name.startswith("app.") and "migrations" in name]


def test_the_help_page_imports_neither_the_application_nor_its_libraries() -> None:
    imported = modules_of(HELP)

    assert "typer" in imported
    assert not imported & NOT_FOR_HELP


def modules_of(code: str) -> set[str]:
    """Run `code` in a new process, and return the names of all modules that were imported."""
    listing = "import json, sys\n{code}\njson.dump(list(sys.modules), sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", listing.format(code=code)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr))
