"""What the project has: its options and its features."""

import ast
import shlex
from pathlib import Path

from app_dev.feature.grammar import FeatureError, Target

ROOT = Path(__file__).parents[3]
COMMAND = "just feature "


def has_auth(root: Path) -> bool:
    return (features(root) / "auth/router.py").is_file()


def has_events(root: Path) -> bool:
    return (root / "src/app/core/events/hub.py").is_file()


def has_cache(root: Path) -> bool:
    return any(root.glob("src/app/core/*/cache.py"))


def features(root: Path) -> Path:
    return root / "src/app/features"


def recorded_arguments(root: Path, folder: str) -> list[str] | None:
    """Return the arguments of the command that wrote a feature, or None if it has no record."""
    file = features(root) / folder / "__init__.py"
    if not file.is_file():
        return None
    _, found, command = (ast.get_docstring(ast.parse(file.read_text())) or "").partition(
        f"\n{COMMAND}"
    )
    return shlex.split(command) if found else None


def folders(root: Path) -> list[str]:
    return sorted(file.parent.name for file in features(root).glob("*/__init__.py"))


def find_folder(root: Path, name: str) -> str | None:
    """Return the folder of the feature with this name, which is its plural."""
    for folder in folders(root):
        arguments = recorded_arguments(root, folder)
        if arguments and arguments[0] == name:
            return folder
    return f"{name}s" if f"{name}s" in folders(root) else None


def find_target(root: Path, name: str) -> Target:
    """Return the feature to which a field refers. Raise `FeatureError` if that is not possible."""
    folder = find_folder(root, name)
    if folder is None:
        raise FeatureError(f"ref({name}): there is no feature {name}; write it first")
    factory = root / f"tests/factories/{folder}.py"
    if not factory.is_file():
        raise FeatureError(
            f"ref({name}): no tests/factories/{folder}.py makes the rows that tests refer to"
        )
    models = (features(root) / folder / "models.py").read_text()
    return Target(name, folder, "owner_id" in models)
