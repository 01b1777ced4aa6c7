"""Tests of rules for the template's files, such as the maximum number of Jinja tags in a file.

The rules keep the template's files close to plain Python, and the generated code readable.
"""

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

# copier makes these Ansible filters available in every template.
JINJA = jinja2.Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])
SUFFIX = ".jinja"
TAG = re.compile(r"{%.*?%}", re.DOTALL)
MARKUP = re.compile(r"{[%{#]")
REFUSED_BY_WINDOWS = set('"<>|?*:\\')
OVERRIDDEN = ["alembic", "piccolo", "sqlalchemy", "taskiq", "tortoise-orm", "uvicorn"]
# Jinja filters and functions that may return a different result in each render.
NON_DETERMINISTIC = {"random", "random_mac", "shuffle", "strftime", "to_datetime", "now"}


def sources(template: Path) -> dict[Path, str]:
    """Return the texts of the template's files, keyed by path relative to `template/`."""
    return texts(template / "template")


def rendered_sources(template: Path) -> dict[Path, nodes.Template]:
    """Return the parsed Jinja template of each file that has the suffix `.jinja`."""
    return {
        path: JINJA.parse(text) for path, text in sources(template).items() if path.suffix == SUFFIX
    }


def is_python(path: Path) -> bool:
    return path.name.removesuffix(SUFFIX).endswith(".py")


# --- Files in template/ ---


def test_only_files_with_jinja_markup_have_the_jinja_suffix(template: Path) -> None:
    plain = {path for path, text in sources(template).items() if not MARKUP.search(text)}

    assert [path for path in plain if path.suffix == SUFFIX] == []


def test_at_most_one_file_in_eight_contains_a_tag(template: Path) -> None:
    every = sources(template)
    tagged = [str(path) for path in rendered_sources(template) if TAG.search(every[path])]

    assert len(tagged) <= len(every) / 8, tagged


def test_the_number_and_nesting_of_blocks_are_limited(template: Path) -> None:
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


def test_python_files_have_no_else_blocks(template: Path) -> None:
    for path, tree in rendered_sources(template).items():
        if is_python(path):
            branches = [block for block in tree.find_all(nodes.If) if block.elif_ or block.else_]
            assert branches + list(tree.find_all(nodes.CondExpr)) == [], path


def test_each_tag_is_alone_on_its_line(template: Path) -> None:
    for path in rendered_sources(template):
        for line in sources(template)[path].splitlines():
            assert not TAG.search(line) or re.fullmatch(r"\s*{%[^%]*%}", line), f"{path}: {line}"


def test_no_import_depends_on_an_answer(template: Path) -> None:
    for path in filter(is_python, rendered_sources(template)):
        imports = re.findall(r"^\s*(?:from|import) .*", sources(template)[path], re.MULTILINE)
        assert [line for line in imports if MARKUP.search(line)] == [], path


def test_no_private_module_of_a_library_is_imported(template: Path) -> None:
    for path, text in sources(template).items():
        imports = (
            re.findall(r"^\s*(?:from|import) .*", text, re.MULTILINE) if is_python(path) else []
        )
        assert [line for line in imports if re.search(r"\b_(?!_)\w", line)] == [], path


def test_a_library_whose_internals_are_overridden_has_an_upper_bound(template: Path) -> None:
    packages = yaml.safe_load((template / "copier.yml").read_text())["packages"]["default"]

    for library in OVERRIDDEN:
        assert re.search(rf"'{re.escape(library)}(\[\w+\])?>=[\d.]+,<[\d.]+'", packages), library


def test_only_paths_and_pyproject_depend_on_the_orm(template: Path) -> None:
    named = {
        str(path)
        for path, tree in rendered_sources(template).items()
        if "orm" in find_undeclared_variables(tree)
    }

    assert named <= {"pyproject.toml.jinja"}


def test_all_paths_are_valid_on_every_file_system(template: Path) -> None:
    paths = [path.relative_to(template) for path in template.rglob("*")]
    parts = {part for path in paths for part in path.parts}

    assert [part for part in parts if REFUSED_BY_WINDOWS & set(part)] == []
    assert [part for part in parts if part.endswith((" ", "."))] == []
    assert len({str(path).lower() for path in paths}) == len(paths)


def test_only_init_files_are_empty(template: Path) -> None:
    empty = {path.name for path, text in sources(template).items() if not text.strip()}

    assert empty <= {"__init__.py"}


def test_no_file_uses_dates_or_random_values(template: Path) -> None:
    for path, tree in rendered_sources(template).items():
        filters = {node.name for node in tree.find_all(nodes.Filter)}
        assert (filters | find_undeclared_variables(tree)) & NON_DETERMINISTIC == set(), path


def test_jinja_is_configured_strictly(template: Path) -> None:
    assert read_copier_yml(template)["_envops"] == {
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
        "A released migration must not be edited, renamed or deleted: projects have applied "
        "it to their databases. Restore it, and write a new migration. If no release contains it, "
        "change its line in tests/migrations.txt too.\n" + "\n".join(sorted(changed))
    )
    new = now - set(listed)
    assert not new, (
        "These migrations are not listed in tests/migrations.txt. Add the following lines to this "
        "file. A migration must not be edited after its release.\n" + "\n".join(sorted(new))
    )


def test_changelog_headings_have_the_expected_form(template: Path) -> None:
    changelog = (template / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *releases = re.findall(r"^## (.*)", changelog, re.MULTILINE)

    assert first == "[Unreleased]"
    release = re.compile(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d")
    assert [heading for heading in releases if not release.fullmatch(heading)] == []


def read_copier_yml(template: Path) -> dict[str, object]:
    loaded = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def texts(tree: Path) -> dict[Path, str]:
    return {Path(name): data.decode() for name, data in files(tree).items()}


# --- Python files outside template/ ---


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join
)
def test_the_tests_and_hooks_pass_lint_and_format_and_types(
    command: list[str], template: Path
) -> None:
    caches = {"RUFF_NO_CACHE": "true", "MYPY_CACHE_DIR": os.devnull}
    run(sys.executable, "-m", *command, cwd=template, env=os.environ | caches)
