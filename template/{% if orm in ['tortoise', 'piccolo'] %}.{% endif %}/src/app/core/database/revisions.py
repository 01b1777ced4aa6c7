"""Finds the folder of the revision files and formats new revisions."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import AppError

FOLDER = "migrations/versions"


class MigrationError(AppError):
    """A revision is missing, or it cannot be written, applied or reverted."""


def project_folder() -> Path:
    """Find the project: the checkout, the folder of the virtual environment, or a parent folder."""
    here = Path.cwd()
    for folder in (Path(__file__).parents[4], Path(sys.prefix).parent, here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise MigrationError(
        f"The folder {FOLDER} was not found. Run this command in the project's folder."
    )


def format_revision(path: Path) -> None:
    """Format a revision with ruff, so that it passes `just check`. Without ruff, do nothing."""
    if find_spec("ruff") is None:
        return
    for command in (["format"], ["check", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", str(path)]
        subprocess.run(ruff, check=False)  # noqa: S603


def is_defined_in_app(definition: object) -> bool:
    """Whether a class or a function belongs to this service, so that no revision may import it."""
    return str(getattr(definition, "__module__", "")).partition(".")[0] == "app"
