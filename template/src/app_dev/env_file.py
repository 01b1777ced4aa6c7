"""`.env` for a developer's machine: `.env.example` with fresh secrets in it.

Making a new file needs the standard library only, because the template's hook runs this file before
anything is installed.
"""

import re
import secrets
import sys
from pathlib import Path


def make_env_file(root: Path) -> str | None:
    """Write `.env`, or add to it the secrets it lacks, as after an option was switched on.

    Returns what was done, in a sentence, or None for nothing. What is there is never changed.
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
        path.unlink()  # half of it would pass for whole the next time
        raise
    return "Made .env with fresh secrets; git ignores it."


def _add_missing(path: Path, lines: list[str]) -> str | None:
    """Add the lines whose variables the settings do not find, in the file or the environment."""
    from app.config import env_file, read_variables  # noqa: PLC0415 - needs what uv installs

    if env_file(path) is None or not path.is_file():
        return None
    present = read_variables(path)
    missing = [line for line in lines if line.split("=")[0].lower() not in present]
    if not missing:
        return None
    ends = path.read_text(encoding="utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(["" if ends else "\n", *missing, ""]))
    return f"Added to .env: {', '.join(line.split('=')[0] for line in missing)}."


if __name__ == "__main__":
    try:
        print(make_env_file(Path(__file__).parents[2]) or ".env is there already.")  # noqa: T201
    except OSError as exc:
        sys.exit(str(exc))
