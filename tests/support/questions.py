"""The questions of copier.yml."""

from pathlib import Path
from typing import Any

import yaml


def asked(template: Path) -> dict[str, dict[str, Any]]:
    """The questions that a user is asked, by name, without the computed values."""
    loaded = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    questions = {name: value for name, value in loaded.items() if not name.startswith("_")}
    return {name: value for name, value in questions.items() if value.get("when") is not False}
