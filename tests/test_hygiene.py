"""The rules that keep the template nearly plain Python, and its output as if written by hand."""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import yaml
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from tests.support.rendering import files
from tests.support.running import run

# With the filters that copier brings.
JINJA = jinja2.Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])
SUFFIX = ".jinja"
TAG = re.compile(r"{%.*?%}", re.DOTALL)
MARKUP = re.compile(r"{[%{#]")
REFUSED_BY_WINDOWS = set('"<>|?*:\\')
OVERRIDDEN = ["alembic", "piccolo", "sqlalchemy", "taskiq", "tortoise-orm", "uvicorn"]
# Filters, and names, that give another answer tomorrow.
UNSTEADY = {"random", "random_mac", "shuffle", "strftime", "to_datetime", "now"}


def sources(template: Path) -> dict[Path, str]:
    """The template's files by their path in it."""
    return texts(template / "template")


def rendered_sources(template: Path) -> dict[Path, nodes.Template]:
    """Those of them that Jinja reads, parsed."""
    return {
        path: JINJA.parse(text) for path, text in sources(template).items() if path.suffix == SUFFIX
    }


def is_python(path: Path) -> bool:
    return path.name.removesuffix(SUFFIX).endswith(".py")


# --- The template ---


def test_only_a_file_that_jinja_has_to_read_has_its_suffix(template: Path) -> None:
    plain = {path for path, text in sources(template).items() if not MARKUP.search(text)}

    assert [path for path in plain if path.suffix == SUFFIX] == []


def test_few_files_hold_a_tag(template: Path) -> None:
    every = sources(template)
    tagged = [str(path) for path in rendered_sources(template) if TAG.search(every[path])]

    assert len(tagged) <= len(every) / 8, tagged


def test_tags_are_few_and_shallow(template: Path) -> None:
    for path, tree in rendered_sources(template).items():
        most, deepest = (6, 1) if is_python(path) else (12, 2)
        depths = list(depths_of_blocks(tree))

        assert len(depths) <= most, f"{path} has {len(depths)} blocks"
        assert max(depths, default=0) <= deepest, f"{path} nests its blocks"


def depths_of_blocks(node: nodes.Node, depth: int = 1) -> Iterator[int]:
    for child in node.iter_child_nodes():
        is_block = isinstance(child, nodes.If | nodes.For | nodes.CondExpr)
        if is_block:
            yield depth
        yield from depths_of_blocks(child, depth + is_block)


def test_python_has_no_else(template: Path) -> None:
    for path, tree in rendered_sources(template).items():
        if is_python(path):
            branches = [block for block in tree.find_all(nodes.If) if block.elif_ or block.else_]
            assert branches + list(tree.find_all(nodes.CondExpr)) == [], path


def test_tags_stand_alone_on_their_line(template: Path) -> None:
    for path in rendered_sources(template):
        for line in sources(template)[path].splitlines():
            assert not TAG.search(line) or re.fullmatch(r"\s*{%[^%]*%}", line), f"{path}: {line}"


def test_no_import_is_made_of_an_answer(template: Path) -> None:
    for path in filter(is_python, rendered_sources(template)):
        imports = re.findall(r"^\s*(?:from|import) .*", sources(template)[path], re.MULTILINE)
        assert [line for line in imports if MARKUP.search(line)] == [], path


def test_no_module_of_a_library_is_imported_by_a_private_name(template: Path) -> None:
    for path, text in sources(template).items():
        imports = (
            re.findall(r"^\s*(?:from|import) .*", text, re.MULTILINE) if is_python(path) else []
        )
        assert [line for line in imports if re.search(r"\b_(?!_)\w", line)] == [], path


def test_a_library_whose_internals_are_overridden_has_an_upper_bound(template: Path) -> None:
    packages = yaml.safe_load((template / "copier.yml").read_text())["packages"]["default"]

    for library in OVERRIDDEN:
        assert re.search(rf"'{re.escape(library)}(\[\w+\])?>=[\d.]+,<[\d.]+'", packages), library


def test_the_orm_is_named_in_paths_and_in_pyproject_alone(template: Path) -> None:
    named = {
        str(path)
        for path, tree in rendered_sources(template).items()
        if "orm" in find_undeclared_variables(tree)
    }

    assert named <= {"pyproject.toml.jinja"}


def test_every_file_system_takes_the_paths(template: Path) -> None:
    paths = [path.relative_to(template) for path in template.rglob("*")]
    parts = {part for path in paths for part in path.parts}

    assert [part for part in parts if REFUSED_BY_WINDOWS & set(part)] == []
    assert [part for part in parts if part.endswith((" ", "."))] == []
    assert len({str(path).lower() for path in paths}) == len(paths)


def test_no_file_is_empty_but_the_mark_of_a_package(template: Path) -> None:
    empty = {path.name for path, text in sources(template).items() if not text.strip()}

    assert empty <= {"__init__.py"}


def test_nothing_is_random_or_dated(template: Path) -> None:
    for path, tree in rendered_sources(template).items():
        filters = {node.name for node in tree.find_all(nodes.Filter)}
        assert (filters | find_undeclared_variables(tree)) & UNSTEADY == set(), path


def test_jinja_is_set_up_strictly(template: Path) -> None:
    assert questions(template)["_envops"] == {
        "undefined": "jinja2.StrictUndefined",
        "trim_blocks": True,
        "lstrip_blocks": True,
        "keep_trailing_newline": True,
    }


def test_a_released_migration_is_never_edited(template: Path) -> None:
    listed = (template / "tests/migrations.txt").read_text(encoding="utf-8").splitlines()
    now = {
        f"{hashlib.sha256(data).hexdigest()}  {path}"
        for path, data in files(template / "template").items()
        if "/migrations/versions/" in path
    }

    changed = set(listed) - now
    assert not changed, (
        "An applied migration is never edited, renamed or taken away: databases of its users have "
        "run it as it was. Put it back, and write a new one. (Only what no tag holds yet may change, "
        "with its line in tests/migrations.txt.)\n" + "\n".join(sorted(changed))
    )
    new = now - set(listed)
    assert not new, (
        "From its release on, a migration stays as it is. If these are to be so, add their lines "
        "to tests/migrations.txt:\n" + "\n".join(sorted(new))
    )


def test_the_changelog_has_the_form_that_its_notes_are_found_by(template: Path) -> None:
    changelog = (template / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *releases = re.findall(r"^## (.*)", changelog, re.MULTILINE)

    assert first == "[Unreleased]"
    release = re.compile(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d")
    assert [heading for heading in releases if not release.fullmatch(heading)] == []


def questions(template: Path) -> dict[str, object]:
    loaded = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def texts(tree: Path) -> dict[Path, str]:
    return {Path(name): data.decode() for name, data in files(tree).items()}


# --- This repository's own Python ---


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join
)
def test_the_tests_and_hooks_are_clean(command: list[str], template: Path) -> None:
    caches = {"RUFF_NO_CACHE": "true", "MYPY_CACHE_DIR": os.devnull}
    run(sys.executable, "-m", *command, cwd=template, env=os.environ | caches)
