"""Renders the templates in `.scaffold/feature`, and puts all files in place or none."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app_dev.feature import project, values
from app_dev.feature.columns import SCALED_DECIMALS
from app_dev.feature.grammar import (
    RESERVED_NAMES,
    Feature,
    FeatureError,
    Field,
    class_name,
)

SCAFFOLD = ".scaffold"
TEMPLATES = f"{SCAFFOLD}/feature"
SUFFIX = ".j2"

type Files = Mapping[str, str]
"""The text of each file by its path in the project."""


def environment(root: Path) -> Environment:
    """Return a Jinja environment whose delimiters differ from those of other templates.

    Templates may import macros from files in `.scaffold`.
    """
    jinja = Environment(
        loader=FileSystemLoader(root / SCAFFOLD),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - the templates are Python code, not HTML
    )
    jinja.filters.update(alias=alias, class_name=class_name, quote=shlex.quote)
    jinja.globals.update(
        {
            function.__name__: function
            for function in (
                values.accepted,
                values.annotation,
                values.example,
                values.literal,
                values.refused,
                values.sample,
            )
        }
    )
    return jinja


def alias(field: Field) -> str:
    """Return the name of the field's type in the schemas, such as `DueDate`."""
    return class_name(field.name) + ("Value" if field.name in RESERVED_NAMES else "")


def render(root: Path, feature: Feature) -> dict[str, str]:
    """Return the formatted files of a feature."""
    targets = {field.target.name: field.target for field in feature.references if field.target}
    has_auth = project.has_auth(root)
    context = {
        "feature": feature,
        "auth": has_auth,
        "owned": has_auth and not feature.public,
        "admins_write": has_auth and feature.public,
        "targets": list(targets.values()),
        "cached": project.has_cache(root) and feature.cache,
        "announced": feature.events if project.has_events(root) else None,
        "scaled_decimals": SCALED_DECIMALS,
    }
    jinja = environment(root)
    folder = root / TEMPLATES
    with tempfile.TemporaryDirectory() as temporary:
        written = Path(temporary)
        for template in sorted(folder.rglob(f"*{SUFFIX}")):
            path = str(template.relative_to(folder)).removesuffix(SUFFIX)
            file = written / jinja.from_string(path).render(context)
            text = jinja.from_string(template.read_text(encoding="utf-8")).render(context)
            if text.strip():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        _format(root, written)
        return {
            file.relative_to(written).as_posix(): file.read_text(encoding="utf-8")
            for file in sorted(written.rglob("*"))
            if file.is_file()
        }


def _format(root: Path, folder: Path) -> None:
    """Remove unused imports, sort the others, and format the files by the project's rules."""
    config = ["--no-cache", "--quiet", "--config", str(root / "pyproject.toml")]
    ruff = [sys.executable, "-m", "ruff"]
    # Commas in the templates must not keep short lists on several lines.
    joined = ["--config", "lint.isort.split-on-trailing-comma=false"]
    joined += ["--config", "format.skip-magic-trailing-comma=true"]
    for command in (
        [*ruff, "check", *config, *joined, "--fix", "--select", "F401,I", str(folder)],
        [*ruff, "format", *config, *joined, str(folder)],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise FeatureError(
                f"The templates in {TEMPLATES} are not valid:\n{done.stdout.strip()}"
            )


def refuse_existing(root: Path, feature: Feature, files: Files) -> None:
    folder = project.features(root) / feature.plural
    if folder.exists() and any(folder.glob("*.py")):
        raise FeatureError(f"{feature.plural}: {folder.relative_to(root)} exists already")
    if taken := [path for path in files if (root / path).exists()]:
        raise FeatureError(f"{feature.plural}: {taken[0]} exists already")


@contextmanager
def placed(root: Path, files: Files) -> Iterator[None]:
    """Write the files. If this or the body of the `with` statement fails, remove them again."""
    done: list[Path] = []
    try:
        for path, text in files.items():
            file = root / path
            missing = [parent for parent in file.parents if not parent.exists()]
            for parent in reversed(missing):
                done.append(parent)
                parent.mkdir()
            if file.exists():
                raise FeatureError(f"{path} exists already")
            done.append(file)
            file.write_text(text, encoding="utf-8")
        yield
    finally:
        if sys.exception():
            for made in reversed(done):
                delete(made)


def delete(path: Path) -> None:
    """Delete a file, or a folder that contains nothing but compiled code."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for compiled in path.glob("__pycache__/*"):
        compiled.unlink()
    for folder in (path / "__pycache__", path):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
