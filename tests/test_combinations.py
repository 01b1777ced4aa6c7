"""Render a project for every combination of options, and run static checks on each project.

Each rendered project must pass ruff, strict mypy, import-linter and deptry. A project must contain
no template tags, and must not mention options that were not chosen.
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
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support import options
from tests.support.options import Answers
from tests.support.paths import ROOT
from tests.support.projects import Project
from tests.support.rendering import Render, digests
from tests.support.texts import Unchecked
from tests.test_render import FLIPS

type RunCheck = Callable[..., str]

# Dependencies that no module of a project imports, each with the reason for the dependency.
UNIMPORTED = (
    "aiosqlite",  # SQLAlchemy imports the driver whose name is part of the database URL.
    "fastapi-swagger",  # The `/docs` page uses the JavaScript and CSS of fastapi-swagger.
    "httptools",  # uvicorn parses HTTP with httptools.
    "python-multipart",  # FastAPI parses forms with python-multipart.
    "uvloop",  # uvicorn uses uvloop's event loop.
    "websockets",  # uvicorn uses websockets to implement the WebSocket protocol.
)

# Commands that check each file separately, with the suffixes of the files that they check.
# The result depends only on the file's path and text, and on ruff's settings in pyproject.toml.
CHECKS_OF_FILES = {
    "format": ("ruff format --check", (".py", ".md")),
    "lint": ("ruff check", (".py", "pyproject.toml")),
}

# Commands that check a project as a whole.
CHECKS = {
    "layers": "lint-imports --no-cache",
    # The code of `just bench` and `just feature` may import development dependencies, such as httpx2.
    "packages": "deptry src migrations --extend-exclude 'src/app_dev/(bench|feature)' "
    "--known-first-party app --known-first-party app_dev "
    f"--per-rule-ignores 'DEP002={'|'.join(UNIMPORTED)}'",
}

# Each option value has two regular expressions: one for words and one for allowed phrases.
# Projects with another value of the option may contain the words only within allowed phrases.
WORDS: dict[tuple[str, str | bool], tuple[str, str]] = {
    # Every Dockerfile mentions alembic.ini, and copies the file only if it exists.
    ("orm", "sqlalchemy"): ("sqlalchemy|alembic", r"alembic\.ini"),
    ("orm", "sqlmodel"): ("sqlmodel", ""),
    ("orm", "tortoise"): ("tortoise", ""),
    ("orm", "piccolo"): ("piccolo", ""),
    # Some files in SQLite projects explain how PostgreSQL differs, and vice versa.
    # The second regular expression allows the phrases that these explanations contain.
    ("database", "postgresql"): ("postgres|asyncpg|pgserver", "PostgreSQL (cannot|would)"),
    ("database", "sqlite"): ("sqlite", r"zone \(SQLite\)"),
    ("auth", "jwt"): ("jwt|argon2|login|refresh token|aiosmtplib", "docker login"),
    # With `redis=false`, the documentation and a warning still mention `just add redis`.
    ("redis", True): (
        r"\bredis(?!tri)|valkey",
        "redis=true|just (add|remove) redis|way of Redis|a Redis outage",
    ),
    # Even with `websockets=false`, middleware handles ASGI messages such as `websocket.accept`.
    ("websockets", True): ("websocket", r"websocket\.(close|accept|http)"),
    ("worker", True): ("taskiq", ""),
    ("telemetry", True): (
        r"telemetry|prometheus|\botel|otlp|/metrics(?!-)|traceparent",
        "just add telemetry",
    ),
    ("uploads", True): (r"upload|obstore|puremagic|\bs3\b|aws_", ""),
    ("kubernetes", True): ("kubernetes|kubectl|kustomiz", ""),
}

# Files whose existence depends on the values of several options.
FILES_OF_SEVERAL_OPTIONS = {
    ("orm", "database"): {
        "src/app/core/database/pool.py",
        "tests/integration/test_asyncpg.py",
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
    ("database", "auth", "redis"): {"src/app/settings/urls.py"},
    ("redis", "websockets"): {"src/app/core/redis/relay.py", "tests/e2e/test_relayed_events.py"},
    ("redis", "telemetry"): {
        "src/app/features/telemetry/measurements/cache.py",
        "tests/e2e/test_cache_metrics.py",
    },
    ("websockets", "telemetry"): {
        "src/app/features/telemetry/measurements/sockets.py",
        "tests/e2e/test_socket_metrics.py",
    },
    ("worker", "telemetry"): {
        "src/app/core/telemetry/jobs.py",
        "src/app/features/telemetry/measurements/queue.py",
        "tests/integration/test_traced_jobs.py",
    },
    ("auth", "worker", "telemetry"): {"tests/e2e/test_traced_processes.py"},
    ("auth", "uploads"): {
        "migrations/versions/0002_files.py",
        "migrations/versions/0003_files.py",
        "tests/security/test_bucket_access.py",
        "tests/security/test_file_access.py",
    },
    ("telemetry", "uploads"): {
        "src/app/features/telemetry/dependencies.py",
        "src/app/features/telemetry/measurements/files.py",
        "tests/e2e/test_file_metrics.py",
    },
    ("websockets", "uploads"): {"tests/e2e/test_file_events.py"},
    ("auth", "websockets", "uploads"): {"tests/security/test_private_file_events.py"},
}

# Environment variables for commands in a project whose package is not installed.
# PYTHONPATH makes src/ importable.
# Python must not write .pyc files, because other tests read every file of the same project.
IN_PLACE = {"PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}

TEMPLATES = re.compile(r"{%|{#|{{")
DOUBLED = re.compile(r"(?<!\$){{(?! \$)")
PYTHON_IN_MARKDOWN = re.compile(r"^ *```python\n.*?^ *```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def tree(tree_answers: Answers, render: Render) -> Path:
    return render(**tree_answers)


@pytest.fixture(scope="session")
def run_check(
    all_dependencies: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunCheck]:
    """Yield a function that runs a command in a project and returns the output of the command."""
    log = tmp_path_factory.mktemp("preloaded") / "log"
    with ExitStack() as stack:
        preloaded = stack.enter_context(
            all_dependencies.start(
                "python",
                str(ROOT / "tests/support/preloaded.py"),
                stdin=subprocess.PIPE,
                output=subprocess.PIPE,
                errors=stack.enter_context(log.open("w")),
                env=IN_PLACE,
            )
        )
        assert preloaded.stdin
        assert preloaded.stdout
        stdin, stdout = preloaded.stdin, preloaded.stdout

        def run_check(tree: Path, *command: str) -> str:
            print(json.dumps([str(tree), *command]), file=stdin, flush=True)
            line = stdout.readline()
            assert line, log.read_text()
            exit_code, output = json.loads(line)
            assert exit_code == 0, output
            return str(output)

        yield run_check


@pytest.mark.parametrize(
    "check", [pytest.param(name, marks=pytest.mark.matrix(name)) for name in CHECKS_OF_FILES]
)
def test_files_pass_ruff(check: str, tree: Path, unchecked: Unchecked, run_check: RunCheck) -> None:
    command, suffixes = CHECKS_OF_FILES[check]
    with unchecked(check, tree, suffixes, ruff_settings(tree)) as new:
        if new:
            run_check(tree, *shlex.split(command), *new)


def ruff_settings(tree: Path) -> str:
    """Return the parts of pyproject.toml that affect the results of ruff."""
    settings = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    return json.dumps([settings["tool"]["ruff"], settings["project"]["requires-python"]])


@pytest.mark.parametrize("everything", options.with_everything_on(), ids=options.name)
def test_ruff_checks_exactly_the_files_with_the_listed_suffixes(
    everything: Answers, render: Render, run_check: RunCheck
) -> None:
    """ruff must check exactly the files with the suffixes that `test_files_pass_ruff` uses."""
    tree = render(**everything)
    paths = digests(tree)
    _, linted = CHECKS_OF_FILES["lint"]
    _, formatted = CHECKS_OF_FILES["format"]

    shown = run_check(tree, "ruff", "check", "--show-files").splitlines()
    said = run_check(tree, "ruff", "format", "--check")

    assert {Path(path) for path in shown} == {
        tree / path for path in paths if path.endswith(linted)
    }
    assert said.startswith(f"{len([p for p in paths if p.endswith(formatted)])} files already")


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=n, marks=pytest.mark.matrix(n)) for n, c in CHECKS.items()]
)
def test_passes_static_checks(command: str, tree: Path, run_check: RunCheck) -> None:
    run_check(tree, *shlex.split(command))


@pytest.mark.matrix("types")
def test_is_strictly_typed(
    typed: Answers, render: Render, all_dependencies: Project, run_check: RunCheck
) -> None:
    tree = render(**typed)
    fill_mypy_cache(tree, all_dependencies)
    run_check(tree, "mypy")


def test_type_checks_cover_every_text_of_a_python_file(render: Render) -> None:
    """Without `--matrix=full`, mypy checks only the projects of `options.triples()`."""

    def python_texts(combinations: Iterable[Answers]) -> set[tuple[str, str]]:
        return {
            (path, digest)
            for answers in combinations
            for path, digest in digests(render(**answers)).items()
            if path.endswith(".py")
        }

    chosen = python_texts(options.triples())
    assert python_texts(options.combinations()) == chosen


def fill_mypy_cache(tree: Path, all_dependencies: Project) -> None:
    """Copy the shared mypy cache of all libraries to the cache folder of this pytest worker."""
    version = (tree / ".python-version").read_text().strip()
    seed, own = all_dependencies.root / "mypy", all_dependencies.caches / "mypy"
    if not (own / version).exists():
        with FileLock(all_dependencies.root / f".mypy-{version}.lock"):
            if not (seed / version).exists():
                all_dependencies.run(
                    "mypy", cwd=tree, env={**IN_PLACE, "MYPY_CACHE_DIR": str(seed)}
                )
        shutil.copytree(seed / version, own / version)


@pytest.mark.matrix("syntax")
def test_parses_as_the_chosen_python_version(
    tree_answers: Answers, tree: Path, unchecked: Unchecked
) -> None:
    version = str(tree_answers.get("python_version", "3.13"))
    with unchecked("syntax", tree, (".py",), version) as new:
        for name, text in new.items():
            ast.parse(text, name, feature_version=(3, int(version.removeprefix("3."))))


@pytest.mark.matrix("openapi")
def test_has_the_same_openapi_document_with_every_orm(
    code: Answers, render: Render, run_check: RunCheck
) -> None:
    first = {name: options.CODE[name][0] for name in options.FIXED}

    assert api_of(render(**code), run_check) == api_of(render(**code | first), run_check)


def api_of(tree: Path, run_check: RunCheck) -> object:
    """Return a project's OpenAPI document, which is generated only once for each project."""
    document = tree.with_name("openapi.json")
    with FileLock(tree.with_name("openapi.lock")):
        if not document.exists():
            write_dist_info(tree)
            document.write_text(run_check(tree, "app", "openapi"), encoding="utf-8")
    return json.loads(document.read_text(encoding="utf-8"))


def write_dist_info(tree: Path) -> None:
    """Write the dist-info folder that an installation of the project would create."""
    about = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dist_info = tree.with_name(f"{about['name'].replace('-', '_')}.dist-info")
    dist_info.mkdir(exist_ok=True)
    lines = [f"{key.title()}: {about[key]}" for key in ("name", "version")]
    lines += [f"Summary: {about['description']}", ""]
    (dist_info / "METADATA").write_text("\n".join(lines), encoding="utf-8")
    lines = [
        "[console_scripts]",
        *(f"{name} = {target}" for name, target in about["scripts"].items()),
        "",
    ]
    (dist_info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


# --- Rendered projects contain no template tags, unused options or stray whitespace ---


@pytest.mark.matrix("tags")
def test_contains_no_template_tags(tree: Path, unchecked: Unchecked) -> None:
    with unchecked("tags", tree) as new:
        for path, text in new.items():
            assert not TEMPLATES.search(path), path
            # `{{` is valid in Python's f-strings, in a justfile, and after `$` in GitHub workflows.
            # `{{` before `$` is a variable of Prometheus in the alert rules.
            marks = re.findall("{%|{#", text)
            if not path.endswith((".py", "justfile")):
                marks += DOUBLED.findall(text)
            assert marks == [], path


@pytest.mark.matrix("words")
def test_mentions_no_option_that_was_not_chosen(tree_answers: Answers, tree: Path) -> None:
    chosen = {(name, value) for name, value in tree_answers.items()}
    if tree_answers["orm"] == "sqlmodel":  # SQLModel depends on SQLAlchemy.
        chosen.add(("orm", "sqlalchemy"))
    found = {
        f"{path}: {line.strip()}"
        for path, digest in digests(tree).items()
        # These files contain the names of all options.
        if path not in {".copier-answers.yml", "scripts/switch_option.py"}
        for answer, lines in mentions(path, Text(digest, tree / path)).items()
        if answer not in chosen
        for line in lines
    }

    assert found == set()


@dataclass(frozen=True)
class Text:
    """The text of a file. Two instances are equal if their digests are equal."""

    digest: str
    file: Path = field(compare=False)


@cache
def mentions(path: str, text: Text) -> dict[tuple[str, str | bool], list[str]]:
    """Return the lines of a file that mention an option, keyed by the option's name and value.

    The result is cached, because most files are identical in many projects.
    """
    lines = (path, *text.file.read_text(encoding="utf-8").splitlines())
    return {
        answer: [
            line
            for line in lines
            if re.search(words, re.sub(allowed, "", line) if allowed else line, re.IGNORECASE)
        ]
        for answer, (words, allowed) in WORDS.items()
    }


@pytest.mark.matrix("whitespace")
def test_contains_no_empty_folders_or_stray_whitespace(tree: Path, unchecked: Unchecked) -> None:
    empty = [path for path, folders, files in tree.walk() if not folders and not files]
    assert empty == []

    stray = {
        "blank lines": r"\n\n\n",
        "trailing spaces": r"[ \t]+$",
        "leading whitespace": r"\A\s",
        "no newline at the end, or several": r"[^\n]\Z|\n\n\Z",
    }
    with unchecked("whitespace", tree) as new:
        found = {
            (path, what)
            for path, text in new.items()
            for what, pattern in stray.items()
            # ruff also puts two blank lines between functions in code blocks of Markdown files.
            if not (what == "blank lines" and path.endswith((".py", ".mako", ".j2")))
            and re.search(pattern, PYTHON_IN_MARKDOWN.sub("python", text), re.MULTILINE)
        }
        assert found == set()


# --- Rendered files differ between combinations of options ---


def test_an_answer_adds_and_removes_only_the_files_listed_for_it(render: Render) -> None:
    trees = {
        options.name(answers): digests(render(**answers)).keys()
        for answers in options.combinations()
    }
    for before, after in options.changes():
        old, new = trees[options.name(before)], trees[options.name(after)]
        (name,) = [name for name in options.CODE if before[name] != after[name]]
        (brings, takes), (brought, took) = (
            FLIPS.get((name, answers[name]), (set(), set())) for answers in (after, before)
        )
        shared = set().union(
            *(paths for names, paths in FILES_OF_SEVERAL_OPTIONS.items() if name in names)
        )
        case = options.flip_name((before, after))
        assert unmatched(new - old, brings | took | shared) == [], case
        assert unmatched(old - new, brought | takes | shared) == [], case


def unmatched(paths: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return [path for path in paths if not any(fnmatch(path, pattern) for pattern in patterns)]


def test_every_combination_renders_a_different_tree(render: Render) -> None:
    """If two combinations rendered the same files, an option would have no effect."""
    trees = {
        options.name(answers): digests(render(**answers)) for answers in options.combinations()
    }
    named: dict[int, str] = {}
    for name, tree in trees.items():
        del tree[".copier-answers.yml"]
        same = named.setdefault(hash(frozenset(tree.items())), name)
        assert same == name
