"""`.env` for a developer's machine: `.env.example` with fresh secrets in it.

Standard library only, as the template's hook runs this file before anything is installed.
"""

import re
import secrets
from pathlib import Path


def make_env_file(root: Path) -> bool:
    """Write `.env` where there is none; whether it did. An existing one is never touched."""
    example = (root / ".env.example").read_text(encoding="utf-8")
    filled = re.sub(r"<secret>", lambda _: secrets.token_urlsafe(32), example)
    try:
        with (root / ".env").open("x", encoding="utf-8") as file:
            (root / ".env").chmod(0o600)
            file.write(filled)
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    make_env_file(Path(__file__).parents[2])
