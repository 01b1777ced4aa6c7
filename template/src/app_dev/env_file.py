"""`.env` for a developer's machine: `.env.example` with fresh secrets in it.

Standard library only, as the template's hook runs this file before anything is installed.
"""

import re
import secrets
from pathlib import Path


def make_env_file(root: Path) -> str | None:
    """Write `.env`, or add to it the secrets it lacks, as after an option was switched on.

    Returns what was done, in a sentence, or None for nothing. What is there is never changed.
    """
    example = (root / ".env.example").read_text(encoding="utf-8")
    filled = re.sub("<secret>", lambda _: secrets.token_urlsafe(32), example)
    path = root / ".env"
    if not path.exists():
        path.touch(mode=0o600)
        try:
            path.write_text(filled, encoding="utf-8")
        except OSError:
            path.unlink()  # half of it would pass for whole the next time
            raise
        return "Made .env with fresh secrets; git ignores it."
    present = path.read_text(encoding="utf-8")
    missing = [
        line
        for line, before in zip(filled.splitlines(), example.splitlines(), strict=True)
        if line != before and not re.search(rf"^\s*{line.split('=')[0]}\s*=", present, re.MULTILINE)
    ]
    if not missing:
        return None
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(["" if present.endswith("\n") else "\n", *missing, ""]))
    return f"Added to .env: {', '.join(line.split('=')[0] for line in missing)}."


if __name__ == "__main__":
    print(make_env_file(Path(__file__).parents[2]) or ".env is there already.")  # noqa: T201
