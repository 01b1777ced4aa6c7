"""Creates the `.env` file for development from `.env.example`, with new random secrets.

Creating `.env` requires only the standard library, because the template runs this module before
the dependencies are installed.
"""

import re
import secrets
import sys
from pathlib import Path


def make_env_file(root: Path) -> str | None:
    """Create `.env`, or add secrets that are missing from an existing `.env`.

    A secret may be missing because a template option that needs the secret was switched on after
    `.env` was created.

    Return a sentence that describes the change, or None if `.env` needs no change. Existing lines
    of `.env` are never changed.
    """
    example = (root / ".env.example").read_text(encoding="utf-8")
    filled = re.sub("<secret>", lambda _: secrets.token_urlsafe(32), example)
    path = root / ".env"
    if path.exists():
        lines = zip(filled.splitlines(), example.splitlines(), strict=True)
        return _add_missing(path, [line for line, before in lines if line != before])
    path.touch(mode=0o600)
    try:
        path.write_text(filled, encoding="utf-8")
    except OSError:
        # An incomplete file is deleted, because the next run would not complete it.
        path.unlink()
        raise
    return "Created .env with new secrets. Git ignores the file."


def _add_missing(path: Path, lines: list[str]) -> str | None:
    """Append to `.env` each line whose variable is set neither in `.env` nor in the environment."""
    from app.config import env_file, read_variables  # noqa: PLC0415 - requires installed packages

    if env_file(path) is None or not path.is_file():
        return None
    present = read_variables(path)
    missing = [line for line in lines if line.split("=")[0].lower() not in present]
    if not missing:
        return None
    ends_with_newline = path.read_text(encoding="utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(["" if ends_with_newline else "\n", *missing, ""]))
    return f"Added to .env: {', '.join(line.split('=')[0] for line in missing)}."


if __name__ == "__main__":
    try:
        print(make_env_file(Path(__file__).parents[2]) or ".env needs no change.")  # noqa: T201
    except OSError as exc:
        sys.exit(str(exc))
