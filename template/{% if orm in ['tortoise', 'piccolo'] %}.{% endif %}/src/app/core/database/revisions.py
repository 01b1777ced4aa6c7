"""The files of the migrations: where they are, and how a new one is formatted."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import AppError

FOLDER = "migrations/versions"


class MigrationError(AppError):
    """A revision that is not there, or that cannot be written, applied or undone."""


def project() -> Path:
    """The checkout, the folder that has the environment, or the one around here with migrations."""
    here = Path.cwd()
    for folder in (Path(__file__).parents[4], Path(sys.prefix).parent, here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise MigrationError(f"There is no {FOLDER}: run this command in the project's folder.")


def tidy(path: Path) -> None:
    """Bring a revision into the form that `just check` wants, where ruff is installed."""
    if find_spec("ruff") is None:
        return
    for command in (["format"], ["check", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", str(path)]
        subprocess.run(ruff, check=False)  # noqa: S603


def is_of_the_application(thing: object) -> bool:
    """Whether a class or a function is defined in this service, which changes; revisions may not."""
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "app"
