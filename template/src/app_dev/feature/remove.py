"""Removes a feature that `just feature` wrote and nobody edited."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app_dev.feature import project
from app_dev.feature.grammar import Feature, FeatureError
from app_dev.feature.write import delete, render


def files_to_remove(root: Path, feature: Feature) -> list[str]:
    """Return the paths of the feature's files, or raise `FeatureError` if they must stay."""
    files = render(root, feature)
    folder = project.features(root) / feature.plural
    edited = [path for path, text in files.items() if not _has_text(root / path, text)]
    own = {root / path for path in files}
    edited += [
        str(file.relative_to(root)) for file in sorted(folder.rglob("*.py")) if file not in own
    ]
    if edited:
        raise FeatureError(
            f"{feature.name}: {edited[0]} has been edited or added, so remove the feature by hand"
        )
    pattern = re.compile(
        rf"features\.{feature.plural}\b|factories\.{feature.plural}\b"
        rf"|\"{feature.plural}\.id\"|features import {feature.plural}\b"
    )
    for file in sorted([*root.glob("src/**/*.py"), *root.glob("tests/**/*.py")]):
        if file not in own and pattern.search(file.read_text(encoding="utf-8")):
            raise FeatureError(f"{feature.name}: {file.relative_to(root)} refers to it")
    return list(files)


def _has_text(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


@contextmanager
def removed(root: Path, files: list[str]) -> Iterator[None]:
    """Move the files away. If the body of the `with` statement fails, move them back."""
    with tempfile.TemporaryDirectory(dir=root, prefix=".removed-") as temporary:
        kept = {path: Path(temporary, str(number)) for number, path in enumerate(files)}
        try:
            for path, place in kept.items():
                (root / path).rename(place)
            yield
            for folder in {(root / path).parent for path in files}:
                delete(folder)
        except BaseException:
            for path, place in kept.items():
                if place.exists():
                    place.rename(root / path)
            raise
