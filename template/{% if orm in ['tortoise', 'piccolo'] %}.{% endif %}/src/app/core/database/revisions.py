"""Finds the folder of the revision files, and formats new revision files with ruff."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import AppError

FOLDER = "migrations/versions"


class MigrationError(AppError):
    """Raised if a revision is missing, or cannot be written, applied or reverted."""


def project_folder() -> Path:
    """Return the folder of the project, which contains `migrations/versions`.

    The function looks for `migrations/versions` first in the checkout, then in the folder that
    contains the virtual environment, then in the current folder, and then in the current folder's
    parents.
    """
    here = Path.cwd()
    for folder in (Path(__file__).parents[4], Path(sys.prefix).parent, here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise MigrationError(
        f"The folder {FOLDER} was not found. Run this command in the project's folder."
    )


def format_revision(path: Path) -> None:
    """Format a revision file with ruff, so that the file passes `just check`.

    If ruff is not installed, the revision is not formatted.
    """
    if find_spec("ruff") is None:
        return
    for command in (["format"], ["check", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", str(path)]
        subprocess.run(ruff, check=False)  # noqa: S603


def is_defined_in_app(definition: object) -> bool:
    """Return whether a class or function is defined in the package `app`, not in a library."""
    return str(getattr(definition, "__module__", "")).partition(".")[0] == "app"
