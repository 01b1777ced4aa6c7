"""The programs that a hook runs, and the commands that it tells the user to type."""

import shlex
from pathlib import Path


def put(program: Path, text: str) -> None:
    """Write an executable file."""
    program.write_text(text)
    program.chmod(0o755)


def typed(said: str) -> list[str]:
    """The commands that the user is told to type."""
    _, _, told = said.partition("To do it yourself:\n")
    return [line.strip() for line in told.splitlines() if line.startswith("    ")]


def quoted(path: Path) -> str:
    """The path as a shell reads it."""
    return shlex.quote(str(path))
