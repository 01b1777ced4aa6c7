"""Test that the files for each ORM and database define the names that other modules import.

An overlay is the set of files that copier renders only for one ORM or only for one database. The
test ignores names that are used only by files for the same ORM or database. The test compares only
names and parameters, because mypy checks the types.
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
NAME = "is a value, or is imported: only mypy checks it"


def overlay(template: Path, option: str, answers: Answers) -> set[Path]:
    """Return the rendered paths of those template files whose path depends on the option."""
    all_options = {**options.CODE, **options.SURFACE}
    answers = {name: values[0] for name, values in all_options.items()} | answers
    return {
        Path(path.render(answers).removesuffix(".jinja"))
        for path, options_in_path in paths(template).items()
        if option in options_in_path and options_in_path <= all_options.keys()
    }


@cache
def paths(template: Path) -> dict[jinja2.Template, set[str]]:
    """Return the path of each template file, with the options on which the path depends."""
    environment = jinja2.Environment()
    return {
        environment.from_string(path): find_undeclared_variables(environment.parse(path))
        for path in files(template / "template")
    }


def used_names(tree: Path, overlay: Iterable[Path]) -> dict[str, str]:
    """Return the names that other modules import from files in `overlay`, with their signatures."""
    modules = {
        ".".join(path.with_suffix("").parts).removeprefix("src."): path
        for path in overlay
        if path.suffix == ".py" and (tree / path).exists()
    }
    provided_names = {
        name: dict(defined_names(parse(tree / path))) for name, path in modules.items()
    }
    # The methods of models and sessions may differ between ORMs.
    # Only repository classes call these methods, and each ORM has separate repository classes.
    for name in provided_names.keys() & {"app.core.database.models", "app.core.database.session"}:
        provided_names[name] = dict.fromkeys(provided_names[name], NAME)
    rest = {path.relative_to(tree) for path in tree.rglob("*.py")} - set(modules.values())
    return {
        f"{module}.{name}": provided_names[module].get(name, MISSING)
        for path in rest
        for module, name in imported(parse(tree / path))
        if module in modules
    }


def parse(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


@cache
def parsed(source: str) -> ast.Module:
    """Parse Python code. The result is cached, because many combinations share most files."""
    return ast.parse(source)


@cache
def imported(tree: ast.Module) -> set[tuple[str, str]]:
    """Return the names that a module imports, and the attributes that it reads from its imports."""
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


def defined_names(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each name that a module or class defines, with its signature."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                # Ignore leading underscores, which mark parameters that a function does not use.
                names = [a.arg.lstrip("_") for a in ast.walk(node.args) if isinstance(a, ast.arg)]
                kind = "async " * isinstance(node, ast.AsyncFunctionDef)
                yield node.name, f"{kind}({', '.join(names)})"
            case ast.ClassDef():
                # Compare methods only, because ORMs declare columns and constraints differently.
                public = [(name, how) for name, how in defined_names(node) if name[0] != "_"]
                methods = sorted(f"{name} {how}" for name, how in public if "(" in how)
                yield node.name, f"class: {'; '.join(methods)}"
            case ast.ImportFrom() | ast.Import():
                yield from ((alias.asname or alias.name, NAME) for alias in node.names)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, NAME
            case ast.TypeAlias(name=ast.Name(id=name)):
                yield name, NAME


@pytest.mark.parametrize("option", ["orm", "database"])
def test_every_overlay_provides_the_names_that_other_modules_use(
    option: str, template: Path, render: Render
) -> None:
    def others(answers: Answers) -> str:
        return options.name({name: value for name, value in answers.items() if name != option})

    for _, group in groupby(sorted(options.combinations(), key=others), others):
        supplied = {
            options.name(answers): used_names(render(**answers), overlay(template, option, answers))
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
def test_detects_an_overlay_with_other_names_or_parameters(
    module: str, supplies: str, rest: str, tmp_path: Path
) -> None:
    app = tmp_path / "src/app"
    app.mkdir(parents=True)
    (app / "main.py").write_text(rest)
    database = Path("src/app/database.py")

    (tmp_path / database).write_text("def connect(_url): ...\ndef unused_elsewhere(): ...")
    one = used_names(tmp_path, [database])
    (tmp_path / database).write_text("from x import y\ndef connect(url): ...")
    same = used_names(tmp_path, [database])
    (tmp_path / database).unlink()
    (app / f"{module}.py").write_text(supplies)
    other = used_names(tmp_path, [Path(f"src/app/{module}.py")])

    assert one == same != other
