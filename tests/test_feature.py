"""Test `just feature`, which writes a feature from a name and a list of fields.

The fast tests import the command's package from a rendered project, and run it in this process.
"""

import difflib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support import options
from tests.support.client import PASSWORD
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import Render, files, render_to
from tests.support.repositories import commit, git
from tests.support.servers import database

FIELDS = [
    "title:str(200):search:sort",
    "note:text:optional:search",
    "quantity:int:min(1):max(1000)=1",
    "big:int:optional:sort:index",
    "ratio:float:min(0)",
    "weight:float:optional",
    "price:decimal(10,2):min(0):sort",
    "tax:decimal:optional",
    "active:bool=true",
    "due:date:optional:sort:index",
    "starts_at:datetime",
    "token:uuid:unique",
    "meta:json:optional",
    "config:json={}",
    "status:enum(new,paid,gone-away)=new",
    "sku:str(8):unique:min(3)",
    "amount:decimal(12,4):unique",
    "customer:ref(customer)",
    "origin:ref(country):optional",
    "item:ref(item):optional",
]
CUSTOMER = ["name:str(100):search:sort", "email:str(254):unique"]
COUNTRY = ["code:str(3):min(2):unique:sort", "population:int:min(0):index", "order:int=1"]

SWITCHED_ON: Answers = {"auth": "jwt", "redis": True, "websockets": True}
SWITCHED_OFF: Answers = {"auth": "none", "redis": False, "websockets": False}

TESTS_OF_ALL_FEATURES = (
    "tests/contract",
    "tests/integration/test_migrations.py",
    "tests/integration/test_scopes.py",
    "tests/security/test_access.py",
    "tests/security/test_scopes.py",
)
"""Tests of a project that test every feature, so they also test the features that are written."""


@pytest.fixture(scope="module")
def tree(render: Render) -> Path:
    return render()


@pytest.fixture(scope="module")
def package(tree: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports a module of the rendered project's `app_dev.feature`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tree / "src")
        patch.setattr(sys, "dont_write_bytecode", True)  # Other tests compare the tree's files.
        yield lambda name: importlib.import_module(f"app_dev.feature.{name}")
        for name in [name for name in sys.modules if name.partition(".")[0] == "app_dev"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def parse(package: Callable[[str], ModuleType]) -> Callable[..., Any]:
    grammar = package("grammar")

    def find_target(name: str) -> Any:
        if name not in {"customer", "country", "item"}:
            raise grammar.FeatureError(f"ref({name}): there is no feature {name}")
        folder = {"country": "countries"}.get(name, f"{name}s")
        return grammar.Target(name, folder, is_owned=name != "country")

    def parse(name: str, *specs: str, **chosen: Any) -> Any:
        return grammar.parse_feature(name, specs, grammar.Options(**chosen), find_target)

    return parse


# --- The grammar ---


def test_parses_every_type_and_modifier(parse: Callable[..., Any]) -> None:
    feature = parse("line_item", *FIELDS)

    assert (feature.plural, feature.path, feature.class_name) == (
        "line_items",
        "line-items",
        "LineItem",
    )
    assert [field.column for field in feature.having("is_required")] == [
        *("title", "ratio", "price", "starts_at", "token", "sku", "amount", "customer_id")
    ]
    assert list(feature.arguments) == ["line_item", *FIELDS]


@pytest.mark.parametrize(
    ("name", "specs", "message"),
    [
        ("Order", ["title:str"], "'Order' is not a name"),
        ("2nd", ["title:str"], "'2nd' is not a name"),
        ("line-item", ["title:str"], "'line-item' is not a name"),
        ("../x", ["title:str"], "'../x' is not a name"),
        ("a" * 41, ["title:str"], "is not a name"),
        ("class", ["title:str"], "class: the generated code uses this name"),
        ("page", ["title:str"], "page: the generated code uses this name"),
        ("order", [], "order: a feature needs at least one field"),
        ("order", [""], "'': '' is not a field name"),
        ("order", ["title"], "title: has no type"),
        ("order", ["title:"], "title: there is no type ''"),
        ("order", ["title:string"], "title: there is no type 'string'"),
        ("order", ["Title:str"], "'Title' is not a field name"),
        ("order", ["for:str"], "for: Python uses this name"),
        ("order", ["id:uuid"], "id: the generated code uses this name"),
        ("order", ["owner_id:uuid"], "owner_id: the generated code uses this name"),
        ("order", ["copy:bool"], "copy: the generated code uses this name"),
        ("order", ["a:str", "a:int"], "a: two fields have this name"),
        ("order", ["customer:ref(customer)", "customer_id:uuid"], "two fields have this name"),
        ("order", ["title:str(0)"], "the length in str(0)"),
        ("order", ["title:str(x)"], "'x' in str(x) is not a whole number"),
        ("order", ["title:str(-1)"], "'-1' in str(-1) is not a whole number"),
        ("order", ["price:decimal(2)"], "write decimal(2) as decimal(P,S)"),
        ("order", ["price:decimal(2,3)"], "decimal(2,3) must have"),
        ("order", ["price:decimal(99,3)"], "decimal(99,3) must have"),
        ("order", ["status:enum()"], "'' in enum() is not a value"),
        ("order", ["status:enum"], "'' in enum is not a value"),
        ("order", ["status:enum(a,a)"], "names a value twice"),
        ("order", ["status:enum(a,b c)"], "'b c' in enum(a,b c) is not a value"),
        ("order", ["status:enum(a')"], "is not a value"),
        ("order", ["customer:ref"], "write ref as ref(feature)"),
        ("order", ["customer:ref(nobody)"], "there is no feature nobody"),
        ("order", ["active:bool(1)"], "the type bool takes no argument"),
        ("order", ["title:str:wrong"], "there is no modifier 'wrong'"),
        ("order", ["title:str:"], "there is no modifier ''"),
        ("order", ["title:str:optional:optional"], "optional is given twice"),
        ("order", ["title:str:optional(1)"], "the modifier optional takes no argument"),
        ("order", ["title:str:min"], "write min as min(N)"),
        ("order", ["title:str:min(x)"], "write min(x) as min(N)"),
        ("order", ["title:str:min(1.5)"], "min(1.5) must be a whole number"),
        ("order", ["title:str:min(-1)"], "is not negative"),
        ("order", ["title:str(5):min(6)"], "min(6) is outside the type str"),
        ("order", ["title:str:min(3):max(2)"], "no value is from 3 to 2"),
        ("order", ["count:int:max(9007199254740992)"], "is outside the type int"),
        ("order", ["price:decimal(4,2):min(0.001)"], "min(0.001) has more than 2 decimals"),
        ("order", ["price:decimal(4,2):max(100)"], "max(100) is outside the type decimal"),
        ("order", ["active:bool:min(1)"], "a field of type bool has no min"),
        ("order", ["count:int:search"], "search needs the type str or text"),
        ("order", ["meta:json:sort"], "cannot be sorted by a field of type json"),
        ("order", ["meta:json:unique"], "a field of type json is neither unique nor indexed"),
        ("order", ["note:text:index"], "a field of type text is neither unique nor indexed"),
        ("order", ["title:str(601):unique"], "an indexed text has at most 600 characters"),
        ("order", ["active:bool:unique"], "a unique field needs room"),
        ("order", ["count:int:min(1):max(9):unique"], "a unique field needs room"),
        ("order", ["title:str="], "the default '' is not from 1 to 255"),
        ("order", ["title:str(3)=long"], "the default 'long' is not from 1 to 3"),
        ("order", ["count:int=x"], "the default 'x' is not a value of type int"),
        ("order", ["count:int=1.5"], "the default '1.5' is not a value of type int"),
        ("order", ["count:int:max(5)=6"], "the default '6' is not from"),
        ("order", ["price:decimal(4,2)=0.001"], "the default '0.001' is not a value"),
        ("order", ["price:decimal(4,2)=100"], "the default '100' is not from"),
        ("order", ["ratio:float=nan"], "the default 'nan' is not a value"),
        ("order", ["active:bool=yes"], "the default 'yes' is not a value of type bool"),
        ("order", ["due:date=2026-02-30"], "the default '2026-02-30' is not a value of type date"),
        ("order", ["at:datetime=2026-01-01T00:00:00"], "is not a value of type datetime"),
        ("order", ["token:uuid=x"], "the default 'x' is not a value of type uuid"),
        ("order", ["meta:json=5"], "the default '5' is not a value of type json"),
        ("order", ["meta:json={"], "the default '{' is not a value of type json"),
        ("order", ["status:enum(a,b)=c"], "the default 'c' is not a value of type enum"),
        ("order", ["customer:ref(customer)=x"], "a field of type ref has no default"),
        ("order", ["title:str:unique=x"], "a unique field has no default"),
        ("order", ["title:str=a\\b"], "contains no backslash"),
        ("order", ["title:str=a\nb"], "contains no backslash and no control characters"),
    ],
)
def test_refuses_a_wrong_name_or_field_in_one_line(
    name: str,
    specs: list[str],
    message: str,
    parse: Callable[..., Any],
    package: Callable[[str], ModuleType],
) -> None:
    with pytest.raises(package("grammar").FeatureError) as raised:
        parse(name, *specs)

    first, *rest = str(raised.value).splitlines()
    assert message in first
    assert len(rest) <= 1


def test_a_public_feature_cannot_refer_to_rows_of_users(
    parse: Callable[..., Any], package: Callable[[str], ModuleType]
) -> None:
    assert parse("city", "country:ref(country)", public=True).public

    with pytest.raises(package("grammar").FeatureError, match="cannot refer to customer"):
        parse("city", "customer:ref(customer)", public=True)


# --- The files ---


def random_specs(chance: random.Random) -> list[str]:
    """Return fields in which about one part in ten is wrong."""
    kinds = [
        *("str", "str(1)", "str(3)", "str(600)", "text", "int", "float", "decimal", "bool", "date"),
        *("decimal(4,4)", "decimal(18,0)", "datetime", "uuid", "json", "enum(a)", "enum(a,b-c)"),
        *("ref(customer)", "ref(country)", "ref(nobody)", "str(", "enum", "", "decimal(0,0)"),
    ]
    modifiers = ["optional", "unique", "index", "search", "sort", "min(2)", "max(999)", "min(0.5)"]
    defaults = ["", "5", "true", "2026-01-31", "{}", "a", "x" * 300, "'\"", "é"]
    names = ["title", "amount", "when", "limit", "user", "page", "class", "a1", "value", "kind"]
    specs = []
    for name in chance.sample(names, chance.randint(1, 5)):
        parts = chance.sample(modifiers, chance.choice([0, 0, 1, 1, 2, 3]))
        default = f"={chance.choice(defaults)}" if chance.random() < 0.2 else ""
        specs.append(":".join([name, chance.choice(kinds), *parts]) + default)
    return specs


@pytest.mark.parametrize("seed", range(60))
def test_any_input_is_refused_or_written_whole_or_leaves_nothing(
    seed: int,
    tree: Path,
    parse: Callable[..., Any],
    package: Callable[[str], ModuleType],
    tmp_path: Path,
) -> None:
    """Fields are made at random, and writing them fails at a random file."""
    chance = random.Random(seed)
    write, grammar = package("write"), package("grammar")
    root = tmp_path / "my-api"
    shutil.copytree(tree, root)
    before = files(root)
    for _ in range(1000):
        try:
            feature = parse("parcel", *random_specs(chance), public=chance.random() < 0.3)
        except grammar.FeatureError:
            continue
        break
    else:
        pytest.fail("No input of this seed is valid.")
    rendered = write.render(root, feature)
    with pytest.raises(KeyboardInterrupt), write.placed(root, rendered):
        raise KeyboardInterrupt
    assert files(root) == before

    blocked = root / chance.choice(sorted(rendered))
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("Written by the user.", encoding="utf-8")
    with pytest.raises(grammar.FeatureError, match="exists already"):
        write.refuse_existing(root, feature, rendered)
    with pytest.raises(grammar.FeatureError, match="exists already"), write.placed(root, rendered):
        pytest.fail("The user's file was overwritten.")
    assert blocked.read_text(encoding="utf-8") == "Written by the user."
    blocked.unlink()
    assert files(root) == before

    with write.placed(root, rendered):
        pass
    check = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "src", "tests"]
    done = subprocess.run(check, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    check[3:4] = ["format", "--check"]
    done = subprocess.run(check, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# The example feature is older than user accounts, has an example from real life, and promises in
# the OpenAPI document only what the other features of the template may cause.
DECLARED = (
    "owner",
    "`null` if the item was created before",
    " accounts existed; only admins can see it.",
    "Only admins can access such items.",
    '"app.User", null=True',
    "null=True,",
    "null=False,",
    "EXAMPLE: JsonDict = {",
    "Write the report",
    "With figures of the third quarter",
    "Example title",
    "Send the report",
    '{"examples": [EXAMPLE]}',
    "@router.delete(",
    "status.HTTP_204_NO_CONTENT",
    "The response has status 409 if other rows refer to it.",
)


@pytest.mark.parametrize("auth", ["jwt", "none"])
@pytest.mark.parametrize("orm", ["sqlalchemy", "sqlmodel", "tortoise", "piccolo"])
def test_the_items_feature_is_what_the_command_writes(
    orm: str, auth: str, render: Render, tmp_path: Path
) -> None:
    tree = render(orm=orm, auth=auth)
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from app_dev.feature import grammar, write\n"
        "fields = ['title:str(200):search:sort', 'description:str(2000):optional']\n"
        "feature = grammar.parse_feature('item', fields, grammar.Options(), lambda name: None)\n"
        "print(json.dumps(write.render(Path(sys.argv[1]), feature)))\n"
    )
    command = [sys.executable, "-c", script, str(tree)]
    env = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout

    written: dict[str, str] = json.loads(output)
    joined = ["--config", "format.skip-magic-trailing-comma=true", "--line-length", "100"]
    for path, text in written.items():
        if not path.startswith("src/") or path.endswith("__init__.py"):
            continue
        example = tmp_path / Path(path).name
        example.write_text((tree / path).read_text(encoding="utf-8"), encoding="utf-8")
        format_command = [sys.executable, "-m", "ruff", "format", "--isolated", "-q", *joined]
        subprocess.run([*format_command, str(example)], check=True)
        lines = difflib.ndiff(example.read_text(encoding="utf-8").splitlines(), text.splitlines())
        different = [line for line in lines if line[0] in "+-" and line[2:].strip(" (){}")]
        assert [line for line in different if not any(each in line for each in DECLARED)] == [], (
            path
        )


# --- The whole command ---


def command_line(project: Project, env: dict[str, str], *arguments: str) -> str:
    """Run the command without writing compiled code, which the tests would find in the project."""
    variables = {**env, "PYTHONDONTWRITEBYTECODE": "1"}
    return project.run("python", "-m", "app_dev.feature", *arguments, env=variables)


@pytest.mark.core
@pytest.mark.parametrize(
    "answers",
    [
        {"orm": "sqlalchemy", "database": "postgresql", **SWITCHED_ON},
        {"orm": "sqlalchemy", "database": "sqlite", **SWITCHED_OFF},
        {"orm": "sqlmodel", "database": "postgresql", **SWITCHED_OFF},
        {"orm": "sqlmodel", "database": "sqlite", **SWITCHED_ON},
        {"orm": "tortoise", "database": "postgresql", **SWITCHED_ON},
        {"orm": "tortoise", "database": "sqlite", **SWITCHED_OFF},
        {"orm": "piccolo", "database": "postgresql", **SWITCHED_ON},
        {"orm": "piccolo", "database": "postgresql", **SWITCHED_OFF},
    ],
    ids=options.name,
)
def test_a_feature_with_every_type_passes_the_checks_of_its_project(
    answers: Answers, template: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    root = tmp_path / "my-api"
    render_to(template, root, answers)
    git(root, "init", "--quiet")
    project = sync(root)
    commit(root)
    before = files(root / "src") | files(root / "tests")
    known = set((root / "tests").rglob("test_*.py"))
    with database(answers, tmp_path) as url:
        env = {"DATABASE_URL": url, "JWT_SECRET": PASSWORD * 2}
        public = ["--public"] if answers["auth"] == "jwt" else []
        command_line(project, env, "customer", *CUSTOMER)
        command_line(project, env, "country", "--plural=countries", *public, *COUNTRY)
        command_line(project, env, "line_item", "--no-events", "--no-cache", *FIELDS)
        for check in (["ruff", "check"], ["ruff", "format", "--check"], ["lint-imports"]):
            project.run(*check, env=env)
        project.run("mypy", "--cache-dir", str(project.caches / "mypy"), env=env)
        project.run("app", "db", "check", env=env)
        written = sorted(set((root / "tests").rglob("test_*.py")) - known)
        others = [root / name for name in TESTS_OF_ALL_FEATURES if (root / name).exists()]
        project.run("pytest", "-q", *map(str, (*written, *others)), env=env)

        with pytest.raises(AssertionError, match="refers to it"):
            command_line(project, env, "customer", "--remove")
        for name in ("line_item", "customer", "country"):
            command_line(project, env, name, "--remove")
        after = files(root / "src") | files(root / "tests")
        assert {path: text for path, text in after.items() if "__pycache__" not in path} == before
        project.run("pytest", "-q", "tests/integration/test_migrations.py", env=env)


@pytest.mark.core
def test_a_failure_or_an_interrupt_leaves_nothing(
    install: Callable[..., Project], tmp_path: Path
) -> None:
    project = install(database="sqlite")
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/app.db"}
    router = project.root / "src/app/features/items/router.py"
    before = files(project.root / "src") | files(project.root / "migrations")

    for argument in ("title:strr", "item:ref(nobody)", "save:bool:wrong"):
        with pytest.raises(AssertionError, match=argument.partition(":")[0]):
            command_line(project, env, "note", argument, "--dry-run")
    assert "src/app/features/notes/router.py" in command_line(
        project, env, "note", "title:str", "--dry-run"
    )
    assert files(project.root / "src") | files(project.root / "migrations") == before

    # The migration cannot be made, because the new model cannot be imported.
    template = next(project.root.glob(".scaffold/feature/src/**/models.py.j2"))
    models_template = template.read_text()
    template.write_text(models_template + "\nraise ValueError('broken')\n")
    with pytest.raises(AssertionError, match="The migration could not be made"):
        command_line(project, env, "note", "title:str")
    assert files(project.root / "src") | files(project.root / "migrations") == before
    assert router.is_file()

    # The process is interrupted while it makes the migration.
    template.write_text(models_template + "\n__import__('time').sleep(60)\n")
    with (tmp_path / "output").open("w") as output:
        process = project.start(
            *("python", "-m", "app_dev.feature", "note", "title:str"),
            output=output,
            env={**env, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        models = project.root / "src/app/features/notes/models.py"
        while not models.exists():
            assert process.poll() is None, (tmp_path / "output").read_text()
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) != 0
    assert files(project.root / "src") | files(project.root / "migrations") == before


@pytest.mark.core
def test_an_edited_feature_is_not_removed(install: Callable[..., Project], tmp_path: Path) -> None:
    project = install(database="sqlite")
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/app.db"}
    command_line(project, env, "note", "title:str:search")
    router = project.root / "src/app/features/notes/router.py"
    router.write_text(router.read_text() + "\n# Edited.\n")
    before = files(project.root)

    with pytest.raises(AssertionError, match=r"router\.py has been edited"):
        command_line(project, env, "note", "--remove")

    assert files(project.root) == before
