"""Test that the commands, files, settings and links in docs/production.md of a project exist."""

import ast
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import options
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import Render

PAGE = "docs/production.md"
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^]]+\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
CODE_BLOCK = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


class Row(NamedTuple):
    requirement: str
    met_by: str
    command: list[str]


def checklist(project: Path) -> list[Row]:
    """Return the rows of the production checklist."""
    text = (project / PAGE).read_text(encoding="utf-8")
    section = text.partition("## Production checklist")[2].partition("\n## ")[0]
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    rows = [
        Row(requirement.strip(), met_by, shlex.split(command.strip(" `")))
        for requirement, met_by, command in cells
        if command.strip() != "Command" and "---" not in command
    ]
    assert len({row.requirement for row in rows}) == len(rows) >= 16
    return rows


@pytest.fixture
def project(tree_answers: Answers, render: Render) -> Path:
    return render(**tree_answers)


@pytest.mark.matrix("checklist")
def test_every_command_of_the_checklist_exists(tree_answers: Answers, project: Path) -> None:
    for row in checklist(project):
        match row.command:
            case ["uv", "run", "pytest", *arguments]:
                assert_selects_tests(project, arguments)
            case ["uv", "run", "just", "add", option]:
                assert options.EVERYTHING[option] != tree_answers[option], f"already on: {row}"
            case ["uv", "run", "just", recipe]:
                recipes = re.findall(
                    r"^([\w-]+)[^:=\n]*:(?!=)", (project / "justfile").read_text(), re.MULTILINE
                )
                assert recipe in recipes, row
            case ["uv", "run", "app", command, *arguments]:
                cli = (project / "src/app/cli.py").read_text()
                assert re.search(rf"\b{command}\b", cli), row
                assert all(argument in cli for argument in arguments), row
            case ["curl", url]:
                route = url.removeprefix("http://127.0.0.1:8000")
                sources = (project / "src/app").rglob("*.py")
                assert any(f'"{route}"' in path.read_text() for path in sources), row
            case _:
                pytest.fail(f"unknown command: {row.command}")


def assert_selects_tests(project: Path, arguments: list[str]) -> None:
    """Fail if a path in the arguments contains no tests, or if a name in `-k` matches no test."""
    paths, _, expression = " ".join(arguments).partition(" -k ")
    names: list[str] = []
    for path in paths.split():
        assert (project / path).exists(), path
        found = list(names_of_tests(project / path))
        assert found, path
        names += found
    for word in expression.split(" or "):
        assert any(word in name.lower() for name in names), f"{word} in {paths}"


def names_of_tests(path: Path) -> Iterator[str]:
    """Yield the name of each test in a file or folder, prefixed with the test's class, if any."""
    for file in [path] if path.is_file() else path.rglob("test_*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
            for item in inner:
                if isinstance(item, FUNCTION) and item.name.startswith("test_"):
                    yield prefix + item.name


@pytest.mark.matrix("checklist")
def test_every_file_and_setting_in_the_checklist_exists(project: Path) -> None:
    settings = (project / ".env.example").read_text(encoding="utf-8")
    for row in checklist(project):
        for name in CODE.findall(row.met_by):
            if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name):
                assert re.search(rf"^#?{name}=", settings, re.MULTILINE), name
            elif name.startswith(("src/", ".git")) or name.endswith((".yaml", ".lock")):
                # Rendering does not create uv.lock.
                assert name == "uv.lock" or (project / name).exists(), name


@pytest.mark.matrix("links")
def test_links_between_pages_lead_to_existing_headings(project: Path) -> None:
    for page in (project / "README.md", *sorted((project / "docs").glob("*.md"))):
        text = CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
        for link in LINK.findall(text):
            name, _, anchor = link.partition("#")
            if "://" in name or name.startswith("mailto:"):
                continue
            target = Path(os.path.normpath(page.parent / name)) if name else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor:
                assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and GitLab create for the headings of a page."""
    text = CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


@pytest.mark.core
@pytest.mark.parametrize("answers", options.OUTERMOST, ids=options.name)
def test_pytest_selects_tests_for_each_row(
    answers: Answers, install: Callable[..., Project]
) -> None:
    """This test only collects the tests, because test_generated.py runs them."""
    project = install(**answers)

    for row in checklist(project.root):
        match row.command:
            case ["uv", "run", "pytest", *arguments]:
                said = project.run("pytest", "--collect-only", "--quiet", *arguments)
                assert re.search(r"^\d+(/\d+)? tests? collected", said, re.MULTILINE), row
