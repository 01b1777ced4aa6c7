"""Every combination of the options, read but not run: complete, formatted, lint-free, typed, and
with nothing left of the template or of what was not chosen.
"""

import ast
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support import options
from tests.support.options import Answers
from tests.support.paths import ROOT
from tests.support.projects import Project
from tests.support.rendering import Render, files
from tests.test_render import FLIPS

type Read = Callable[..., str]

# Dependencies that no module imports, each for its reason.
UNIMPORTED = (
    "aiosqlite",  # SQLAlchemy loads its driver by the name in the URL
    "fastapi-swagger",  # its files are served, by the package's name
    "httptools",  # uvicorn, for HTTP
    "python-multipart",  # FastAPI, for forms
    "uvloop",  # uvicorn, as its event loop
    "websockets",  # uvicorn, for WebSockets
)

CHECKS = {
    "format": "ruff format --check",
    "lint": "ruff check",
    "layers": "lint-imports --no-cache",
    "packages": "deptry src migrations --known-first-party app --known-first-party app_dev "
    f"--per-rule-ignores 'DEP002={'|'.join(UNIMPORTED)}'",
}

# What tells of an answer, and where it may stand without it.
WORDS: dict[tuple[str, str | bool], tuple[str, str]] = {
    ("orm", "sqlalchemy"): ("sqlalchemy|alembic", r"alembic\.ini"),  # the Dockerfile's, if there
    ("orm", "sqlmodel"): ("sqlmodel", ""),
    ("orm", "tortoise"): ("tortoise", ""),
    ("orm", "piccolo"): ("piccolo", ""),
    # What it cannot do, or does by itself, is no client's to notice on another.
    ("database", "postgresql"): ("postgres|asyncpg|pgserver", "PostgreSQL (cannot|would)"),
    ("database", "sqlite"): ("sqlite", r"zone \(SQLite\)"),
    ("auth", "jwt"): ("jwt|argon2|login|refresh token|aiosmtplib", ""),
    ("redis", True): (r"\bredis(?!tri)|valkey", "redis=true|way of Redis"),  # how to switch
    ("websockets", True): ("websocket", r"websocket\.(close|accept|http)"),  # ASGI's messages
    ("worker", True): ("taskiq", ""),
}

# Files that hang on two answers, under each of which they come and go with the other.
OF_TWO = {
    ("orm", "database"): {
        "src/app/core/database/pool.py",
        "tests/integration/test_migrated_meanwhile.py",
    },
    ("auth", "worker"): {
        "docs/jobs.md",
        "src/app/background.py",
        "src/app/features/reports/*",
        "tests/e2e/test_worker_command.py",
        "tests/integration/test_item_count.py",
    },
    ("database", "redis"): {".github/actions/servers/action.yml", "src/app_dev/servers/child.py"},
    ("redis", "websockets"): {"src/app/core/redis/relay.py", "tests/e2e/test_relayed_events.py"},
}

# The tree is not installed, and it is shared.
IN_PLACE = {"PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}

TEMPLATES = re.compile(r"{%|{#|{{")
DOUBLED = re.compile(r"(?<!\$){{")
PYTHON_IN_MARKDOWN = re.compile(r"^```python\n.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def tree(every: Answers, render: Render) -> Path:
    return render(**every)


@pytest.fixture
def texts(tree: Path) -> dict[str, str]:
    """Every file of it."""
    return {name: data.decode() for name, data in files(tree).items()}


@pytest.fixture(scope="session")
def read(reading: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Run a command in a tree; it has to succeed, and this gives what it prints."""
    log = tmp_path_factory.mktemp("preloaded") / "log"
    with ExitStack() as stack:
        preloaded = stack.enter_context(
            reading.start(
                "python",
                str(ROOT / "tests/support/preloaded.py"),
                orders=subprocess.PIPE,
                output=subprocess.PIPE,
                errors=stack.enter_context(log.open("w")),
                env=IN_PLACE,
            )
        )
        assert preloaded.stdin
        assert preloaded.stdout
        orders, answers = preloaded.stdin, preloaded.stdout

        def read(tree: Path, *command: str) -> str:
            print(json.dumps([str(tree), *command]), file=orders, flush=True)
            answer = answers.readline()
            assert answer, log.read_text()
            exit_code, said = json.loads(answer)
            assert exit_code == 0, said
            return str(said)

        yield read


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=n, marks=pytest.mark.matrix(n)) for n, c in CHECKS.items()]
)
def test_passes(command: str, tree: Path, read: Read) -> None:
    read(tree, *shlex.split(command))


@pytest.mark.matrix("types")
def test_is_strictly_typed(typed: Answers, render: Render, reading: Project, read: Read) -> None:
    tree = render(**typed)
    learn_libraries(tree, reading)
    read(tree, "mypy")


def learn_libraries(tree: Path, reading: Project) -> None:
    """What mypy knows of them on a Python: one worker gathers it, for all."""
    version = (tree / ".python-version").read_text().strip()
    seed, own = reading.root / "mypy", reading.caches / "mypy"
    if not (own / version).exists():
        with FileLock(reading.root / f".mypy-{version}.lock"):
            if not (seed / version).exists():
                reading.run("mypy", cwd=tree, env={**IN_PLACE, "MYPY_CACHE_DIR": str(seed)})
        shutil.copytree(seed / version, own / version)


@pytest.mark.matrix("syntax")
def test_is_python_of_its_version(every: Answers, texts: dict[str, str]) -> None:
    _, minor = str(every.get("python_version", "3.13")).split(".")
    for name, text in texts.items():
        if name.endswith(".py"):
            ast.parse(text, name, feature_version=(3, int(minor)))


@pytest.mark.matrix("openapi")
def test_has_the_api_of_the_other_orms(code: Answers, render: Render, read: Read) -> None:
    first = {name: options.CODE[name][0] for name in options.FIXED}

    assert api_of(render(**code), read) == api_of(render(**code | first), read)


def api_of(tree: Path, read: Read) -> object:
    """Its OpenAPI document, which is made once."""
    document = tree.with_name("openapi.json")
    with FileLock(tree.with_name("openapi.lock")):
        if not document.exists():
            say_what_an_installation_would(tree)
            document.write_text(read(tree, "app", "openapi"), encoding="utf-8")
    return json.loads(document.read_text(encoding="utf-8"))


def say_what_an_installation_would(tree: Path) -> None:
    about = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = tree.with_name(f"{about['name'].replace('-', '_')}.dist-info")
    told.mkdir(exist_ok=True)
    lines = [f"{key.title()}: {about[key]}" for key in ("name", "version")]
    lines += [f"Summary: {about['description']}", ""]
    (told / "METADATA").write_text("\n".join(lines), encoding="utf-8")
    lines = ["[console_scripts]", *(f"{name} = {it}" for name, it in about["scripts"].items()), ""]
    (told / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


# --- What is left ---


@pytest.mark.matrix("traces")
def test_no_trace_of_the_template_is_left(texts: dict[str, str]) -> None:
    for path, text in texts.items():
        assert not TEMPLATES.search(path), path
        # `{{` means something to Python's f-strings, to just, and with a $ before it to GitHub.
        marks = re.findall("{%|{#", text)
        if not path.endswith((".py", "justfile")):
            marks += DOUBLED.findall(text)
        assert marks == [], path


@pytest.mark.matrix("words")
def test_no_word_of_what_was_not_chosen_is_left(every: Answers, texts: dict[str, str]) -> None:
    chosen = {(name, value) for name, value in every.items()}
    if every["orm"] == "sqlmodel":  # which is SQLAlchemy inside
        chosen.add(("orm", "sqlalchemy"))
    found = {
        f"{path}: {line.strip()}"
        for answer in WORDS.keys() - chosen
        for path, line in mentions(texts, *WORDS[answer])
    }

    assert found == set()


def mentions(texts: dict[str, str], words: str, allowed: str) -> Iterator[tuple[str, str]]:
    for path, text in texts.items():
        if path != ".copier-answers.yml":
            for line in (path, *text.splitlines()):
                rest = re.sub(allowed, "", line) if allowed else line
                if re.search(words, rest, re.IGNORECASE):
                    yield path, line


@pytest.mark.matrix("debris")
def test_no_debris_is_left(tree: Path, texts: dict[str, str]) -> None:
    empty = [path for path in tree.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert empty == []

    debris = {
        "blank lines": r"\n\n\n",
        "trailing blanks": r"[ \t]+$",
        "a blank start": r"\A\s",
        "no end of line, or several": r"[^\n]\Z|\n\n\Z",
    }
    found = {
        (path, what)
        for path, text in texts.items()
        for what, pattern in debris.items()
        # Python's formatter asks for two blank lines here and there, in a document too.
        if not (what == "blank lines" and path.endswith((".py", ".mako")))
        and re.search(pattern, PYTHON_IN_MARKDOWN.sub("python", text), re.MULTILINE)
    }
    assert found == set()


# --- Beside each other ---


def test_an_answer_changes_its_files_and_no_others_whatever_the_rest(render: Render) -> None:
    trees = {options.name(it): files(render(**it)).keys() for it in options.combinations()}
    for before, after in options.changes():
        there, then = trees[options.name(before)], trees[options.name(after)]
        (name,) = [name for name in options.CODE if before[name] != after[name]]
        (brings, takes), (brought, took) = (
            FLIPS.get((name, answers[name]), (set(), set())) for answers in (after, before)
        )
        either = set().union(*(OF_TWO[two] for two in OF_TWO if name in two))
        case = options.flip_name((before, after))
        assert unmatched(then - there, brings | took | either) == [], case
        assert unmatched(there - then, brought | takes | either) == [], case


def unmatched(paths: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return [path for path in paths if not any(fnmatch(path, pattern) for pattern in patterns)]


def test_no_two_combinations_are_the_same(render: Render) -> None:
    """So that each is worth its checks, and no option changes nothing."""
    trees = {options.name(answers): files(render(**answers)) for answers in options.combinations()}
    named: dict[int, str] = {}
    for name, tree in trees.items():
        del tree[".copier-answers.yml"]
        same = named.setdefault(hash(frozenset(tree.items())), name)
        assert same == name
