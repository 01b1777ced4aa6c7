"""The questions in copier.yml."""

from pathlib import Path
from typing import Any

import yaml


def read_questions(template: Path) -> dict[str, dict[str, Any]]:
    """Return the questions that copier asks, by name, without computed values."""
    loaded = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    questions = {name: value for name, value in loaded.items() if not name.startswith("_")}
    return {name: value for name, value in questions.items() if value.get("when") is not False}
