"""Helpers that write fake programs for a hook, and read the commands that a hook prints."""

import shlex
from pathlib import Path


def write_program(program: Path, text: str) -> None:
    """Write an executable file."""
    program.write_text(text)
    program.chmod(0o755)


def suggested_commands(output: str) -> list[str]:
    """Return the commands that the hook's output tells the user to run."""
    _, _, commands = output.partition("To do it yourself, run:\n")
    return [line.strip() for line in commands.splitlines() if line.startswith("    ")]


def quoted(path: Path) -> str:
    """Return the path, quoted for a shell."""
    return shlex.quote(str(path))
