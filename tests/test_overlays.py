"""Whichever ORM and database: the rest of the service takes the same names, with the same arguments.

An overlay may have modules and names of its own. But what anything outside of it imports, each has
to supply. That the types fit too is mypy's to say, in every combination.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import jinja2
import pytest
from jinja2.meta import find_undeclared_variables

from tests.support import options
from tests.support.options import Answers
from tests.support.rendering import Render, files

MISSING = "is missing"
NAME = "is of elsewhere, or a value: mypy knows more"


def overlay(template: Path, option: str, answers: Answers) -> set[Path]:
    """The files of a render that are there because of an option, as their paths tell."""
    every = {**options.CODE, **options.SURFACE}
    answers = {name: values[0] for name, values in every.items()} | answers
    return {
        Path(path.render(answers).removesuffix(".jinja"))
        for path, asked in paths(template).items()
        if option in asked and asked <= every.keys()
    }


@cache
def paths(template: Path) -> dict[jinja2.Template, set[str]]:
    """Those of the template, each with the answers that it hangs on."""
    environment = jinja2.Environment()
    return {
        environment.from_string(path): find_undeclared_variables(environment.parse(path))
        for path in files(template / "template")
    }


def taken(tree: Path, overlay: Iterable[Path]) -> dict[str, str]:
    """What the rest of a service takes from an overlay's modules, and how it is called there."""
    modules = {
        ".".join(path.with_suffix("").parts).removeprefix("src."): path
        for path in overlay
        if path.suffix == ".py" and (tree / path).exists()
    }
    faces = {name: dict(face(parse(tree / path))) for name, path in modules.items()}
    # How a model makes its rows, and how a session runs statements, is between them and their
    # overlay's repositories.
    for name in faces.keys() & {"app.core.database.models", "app.core.database.session"}:
        faces[name] = dict.fromkeys(faces[name], NAME)
    rest = {path.relative_to(tree) for path in tree.rglob("*.py")} - set(modules.values())
    return {
        f"{module}.{name}": faces[module].get(name, MISSING)
        for path in rest
        for module, name in imported(parse(tree / path))
        if module in modules
    }


def parse(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


@cache
def parsed(source: str) -> ast.Module:
    """Most files are the same in many combinations."""
    return ast.parse(source)


@cache
def imported(tree: ast.Module) -> set[tuple[str, str]]:
    """The names that a module imports, and those that it takes from the modules it imports."""
    names = set()
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names.add((node.module, alias.name))
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add((modules.get(node.value.id, ""), node.attr))
    return names


def face(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The names that a module or class has, each with what it takes."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                # An argument that one variant does not use has an underscore there.
                takes = [a.arg.lstrip("_") for a in ast.walk(node.args) if isinstance(a, ast.arg)]
                kind = "async " * isinstance(node, ast.AsyncFunctionDef)
                yield node.name, f"{kind}({', '.join(takes)})"
            case ast.ClassDef():
                # Its methods: what columns and constraints are called, each ORM has its own way.
                public = [(name, how) for name, how in face(node) if name[0] != "_"]
                methods = sorted(f"{name} {how}" for name, how in public if "(" in how)
                yield node.name, f"class: {'; '.join(methods)}"
            case ast.ImportFrom() | ast.Import():
                yield from ((alias.asname or alias.name, NAME) for alias in node.names)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, NAME
            case ast.TypeAlias(name=ast.Name(id=name)):
                yield name, NAME


@pytest.mark.parametrize("option", ["orm", "database"])
def test_every_overlay_supplies_what_the_rest_takes(
    option: str, template: Path, render: Render
) -> None:
    def others(answers: Answers) -> str:
        return options.name({name: value for name, value in answers.items() if name != option})

    for _, group in groupby(sorted(options.combinations(), key=others), others):
        supplied = {
            options.name(answers): taken(render(**answers), overlay(template, option, answers))
            for answers in group
        }
        for name in set().union(*supplied.values()):
            ways = {answers: names.get(name, MISSING) for answers, names in supplied.items()}
            assert len({way for way in ways.values() if way != NAME}) <= 1, f"{name}: {ways}"


@pytest.mark.parametrize(
    ("module", "supplies"),
    [
        ("database", "def connect(url, size): ..."),
        ("database", "async def connect(url): ..."),
        ("database", "def unite(url): ..."),
        ("database", "class connect:\n    def url(self): ..."),
        ("elsewhere", "def connect(url): ..."),
    ],
)
@pytest.mark.parametrize(
    "rest", ["from app.database import connect", "from app import database\ndatabase.connect()"]
)
def test_an_overlay_that_differs_is_seen(
    module: str, supplies: str, rest: str, tmp_path: Path
) -> None:
    app = tmp_path / "src/app"
    app.mkdir(parents=True)
    (app / "main.py").write_text(rest)
    database = Path("src/app/database.py")

    (tmp_path / database).write_text("def connect(_url): ...\ndef of_its_own(): ...")
    one = taken(tmp_path, [database])
    (tmp_path / database).write_text("from x import y\ndef connect(url): ...")
    same = taken(tmp_path, [database])
    (tmp_path / database).unlink()
    (app / f"{module}.py").write_text(supplies)
    other = taken(tmp_path, [Path(f"src/app/{module}.py")])

    assert one == same != other
