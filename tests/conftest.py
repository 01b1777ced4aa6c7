"""Rendering the template, and running what was rendered.

Everything works on a copy of the repository's files, made once at the start, so that one run sees
one state of the template. Most tests render in process, in a fraction of a second; those about the
command line, tags and updates run `copier` itself.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TextIO
from urllib.parse import urlsplit

import copier
import jinja2
import psycopg
import pytest
import redis
from copier._main import Worker
from filelock import FileLock

from tests import matrix, options
from tests.options import Answers

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
"""What is worth keeping between runs; it may be deleted at any time."""

MINUTES = 60

COMMIT = pytest.StashKey[str]()
"""What is tested: as it is when the run starts."""


# --- The run ---


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix")
    group.addoption(
        "--matrix",
        choices=options.TIERS,
        help="run the tests of each pair of answers (the default), of the core's combinations, or "
        "of every combination; and print the table",
    )
    group.addoption(
        "--matrix-report", metavar="FILE", type=Path, help="write the table there, as Markdown"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "matrix(check): a column of the table, and its name")
    config.addinivalue_line("markers", "core: not in the first tier, where time is short")
    if config.getoption("matrix_report"):
        describe = ["git", "describe", "--always", "--dirty", "--tags"]
        config.stash[COMMIT] = run(*describe, cwd=ROOT, env=dict(os.environ)).strip()
    # In a shell's background it would be ignored, by what the tests start too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Hundreds of small files a render: in memory, where there is room and programs may run.
    memory = Path("/dev/shm")
    if (
        memory.is_dir()
        and shutil.disk_usage(memory).free > 2 * 1024**3
        and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
        os.environ.setdefault("TMPDIR", str(memory))  # copier's clones of the template
        tempfile.tempdir = None  # pytest has asked for it already, and would be given that again


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the services' tests spend a part of their time waiting."""
    return (os.cpu_count() or 1) + 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes one of these one call for each of them."""
    tier = metafunc.config.getoption("matrix") or options.TIERS[0]
    cases = cases_of(tier)
    for name in cases.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, cases[name], ids=options.name)
    if "flip" in metafunc.fixturenames:
        metafunc.parametrize("flip", options.flips(tier), ids=options.flip_name)


@cache
def cases_of(tier: str) -> dict[str, list[Answers]]:
    """What a test may take, by the name that it gives it."""
    few = tier == options.TIERS[0]
    pairs = options.pairs(options.CODE)
    code = options.combinations()
    every = options.every()
    real = real_postgres() and real_redis()
    return {
        "combination": options.of_tier(tier),
        "every": every,
        "code": code,
        # License and pipeline change no Python. For another version of it the libraries have to be
        # gone through first, which takes long.
        "typed": code if few else [*code, *filter(options.on_another_python, every)],
        "surface": options.around(),
        "pair": [options.EVERYTHING] if few else pairs,
        # Real ones start in no time; the client's walk has others.
        "embedded": [] if few and real else pairs,
        # An ORM on a database.
        "stock": [{name: it[name] for name in options.FIXED} for it in options.richest()],
    }


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    none = [item for item in items if item.name.endswith("[NOTSET]")]  # no cases in this tier
    if not config.getoption("matrix"):
        none += [item for item in items if item.get_closest_marker("core")]
    config.hook.pytest_deselected(items=none)
    items[:] = [item for item in items if item not in none]
    for item in items:
        if isinstance(item, pytest.Function) and (mark := item.get_closest_marker("matrix")):
            item.user_properties.append(matrix.property_of(item.callspec.params, *mark.args))
    # The long ones first, so that no worker is left alone with them at the end; then the types, of
    # which one worker has to learn, while the others are still at that.
    items.sort(key=lambda item: (item.path.name != "test_generated.py", "typed" not in item.name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    every = [report for some in terminalreporter.stats.values() for report in some]
    reports = [report for report in every if isinstance(report, pytest.TestReport)]
    for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error"):
        again = shlex.quote(report.nodeid)
        terminalreporter.write_line(f"To see it again: uv run pytest -n0 --matrix=full {again}")
    if config.getoption("matrix") or config.getoption("matrix_report"):
        table = matrix.table(reports)
        terminalreporter.write_line(table)
        if file := config.getoption("matrix_report"):
            heading = matrix.heading(config.stash[COMMIT])
            file.write_text(f"{heading}\n{table}\n", encoding="utf-8")
    if any("test_generated.py" in report.nodeid for report in reports):
        for name, server in (("PostgreSQL", real_postgres()), ("Redis", real_redis())):
            others = (
                f"and on {urlsplit(server).hostname}" if server else "ONLY: there is no other here"
            )
            terminalreporter.write_sep("-", f"{name}: tested on the embedded server {others}")


@cache
def real_postgres() -> str | None:
    """The URL of a server: one that is named, and then has to answer, or one on this machine."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        return named
    local = "postgresql://postgres@127.0.0.1/postgres"
    try:
        psycopg.connect(local, connect_timeout=3).close()
    except psycopg.OperationalError:
        return None
    return local


@cache
def real_redis() -> str | None:
    """The same for Redis."""
    if named := os.environ.get("TEST_REDIS_URL"):
        return named
    local = "redis://127.0.0.1"
    try:
        with redis.Redis.from_url(local, socket_timeout=3) as client:
            client.ping()
    except redis.RedisError:
        return None
    return local


# --- Rendering ---


class Render(Protocol):
    def __call__(self, **answers: str | bool) -> Path: ...


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder for what every worker of a run needs, and one makes."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """This repository's files, committed or not, without those that git ignores."""
    copy = shared / "template"
    with FileLock(shared / "template.lock"):
        if not copy.exists():
            # The user's own git here: it may have to be told that this folder is safe.
            listing = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
            for name in run(*listing, cwd=ROOT, env=dict(os.environ)).split("\0"):
                if name and (ROOT / name).exists():
                    (shared / "unfinished" / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, shared / "unfinished" / name)
            (shared / "unfinished").rename(copy)
    return copy


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Render:
    """Render with these answers, and the defaults for others; the tree is shared: look, don't write."""
    return partial(render_once, template, shared / "rendered")


def render_once(template: Path, folder: Path, **answers: str | bool) -> Path:
    return made_once(folder, answers, lambda tree: render_to(template, tree, answers))


def made_once(folder: Path, answers: Answers, make: Callable[[Path], None]) -> Path:
    """The tree of these answers in the folder, made by whichever worker asks for it first."""
    key = hashlib.sha256(json.dumps(options.told(answers), sort_keys=True).encode()).hexdigest()
    tree = folder / key[:16] / "my-api"
    tree.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(tree.with_name("lock")):
        if not tree.exists():
            unfinished = tree.with_name("unfinished")
            make(unfinished)
            unfinished.rename(tree)
    return tree


IN_PROCESS: dict[str, Any] = {
    "defaults": True,
    "quiet": True,
    "settings": copier.Settings(),
    "skip_tasks": True,
}
"""copier's own API: without hooks, and without the user's settings of copier."""


def render_to(template: Path, destination: Path, answers: Answers) -> None:
    data = options.told(answers)
    copier.run_copy(str(template), destination, data=data, **IN_PROCESS)


def update(project: Path, answers: Answers) -> None:
    # One of a template with tasks has to be trusted even where it skips them.
    copier.run_update(project, data=dict(answers), overwrite=True, unsafe=True, **IN_PROCESS)


@pytest.fixture(scope="session", autouse=True)
def _render_fast() -> Iterator[None]:
    """Spare copier, in process, what it does anew for each path and file of each render."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_ = jinja2.Environment.compile

    def compile_once(self: jinja2.Environment, source: Any, *args: Any, **kwargs: Any) -> Any:
        # The lexer stands for delimiters and whitespace options: Jinja keeps one for each set.
        key = (type(self), self.lexer, str(source), args, tuple(kwargs.items()))
        if key not in compiled:
            compiled[key] = compile_(self, source, *args, **kwargs)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        answers_path = cached_property(vars(Worker)["answers_relpath"].fget)
        answers_path.__set_name__(Worker, "answers_relpath")
        patch.setattr(Worker, "answers_relpath", answers_path)
        # A call of git for each file, which matters where git is told to ignore modes.
        patch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)
        yield


def files(tree: Path) -> dict[str, bytes]:
    """Every file by its path, with what is in it."""
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }


# --- The real command line, and releases ---

COPIER = (sys.executable, "-m", "copier")


@pytest.fixture(scope="session")
def first_release(template: Path, shared: Path) -> Path:
    """A repository of the template with one release, which is shared: nothing more is released."""
    repository = shared / "released/template"
    with FileLock(shared / "released.lock"):
        if not repository.exists():
            unfinished = repository.with_name("unfinished")
            shutil.copytree(template, unfinished)
            git(unfinished, "init", "--quiet")
            release(unfinished, "v1.0.0")
            unfinished.rename(repository)
    return repository


@pytest.fixture
def released(first_release: Path, tmp_path: Path) -> Path:
    """The same for a test that releases more."""
    return Path(shutil.copytree(first_release, tmp_path / "template"))


def release(repository: Path, tag: str) -> None:
    commit(repository)
    git(repository, "tag", tag)


def commit(repository: Path) -> None:
    git(repository, "add", "--all", ".")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=A test's")


# --- Running ---


@dataclass(frozen=True)
class Project:
    """A rendered project, and the environment that it is installed in."""

    root: Path
    environment: Path
    caches: Path
    """Of its checks: beside the tree, as a tree is shared, and they are much the same as the last's."""

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a command as its developer would, and return what it prints."""
        return run(*command, cwd=cwd or self.root, env={**self._environment(), **(env or {})})

    def start(
        self,
        *command: str,
        output: TextIO | int,
        errors: TextIO | int = subprocess.STDOUT,
        orders: int = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command that runs on."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**self._environment(), **(env or {})},
            stdin=orders,
            stdout=output,
            stderr=errors,
            text=True,
        )

    def _environment(self) -> dict[str, str]:
        programs = self.environment / ("Scripts" if os.name == "nt" else "bin")
        return environment(
            PATH=f"{programs}{os.pathsep}{environment()['PATH']}",
            UV_PROJECT_ENVIRONMENT=str(self.environment),
            MYPY_CACHE_DIR=str(self.caches / "mypy"),
            RUFF_CACHE_DIR=str(self.caches / "ruff"),
        )


@pytest.fixture
def install(
    render: Render, sync: Callable[[Path], Project], tmp_path: Path
) -> Callable[..., Project]:
    """Render a project of one's own, and install it."""

    def install(**answers: str | bool) -> Project:
        root = tmp_path / "my-api"
        shutil.copytree(render(**answers), root)
        return sync(root)

    return install


@pytest.fixture
def sync(worker_id: str) -> Iterator[Callable[[Path], Project]]:
    """Install a project into an environment that is kept for the next.

    Each worker has one for each Python: a project is installed there by its path. From one project
    to another uv changes a few packages; the rest stays, with its bytecode.
    """
    with ExitStack() as stack:
        locks: dict[Path, FileLock] = {}

        def sync(root: Path) -> Project:
            python = (root / ".python-version").read_text().strip()
            kept = CACHE / "environments" / f"{python}-{worker_id}"
            kept.mkdir(parents=True, exist_ok=True)
            if kept not in locks:  # against another run of these tests
                locks[kept] = FileLock(kept / ".lock", timeout=20 * MINUTES)
                stack.enter_context(locks[kept])
            lock = kept / "uv.lock"
            if lock.exists():
                shutil.copy(lock, root)
            project = Project(root, kept / "environment", caches=kept)
            project.run("uv", "sync")
            shutil.copy(root / "uv.lock", lock)
            return project

        yield sync


@pytest.fixture(scope="session")
def reading(render: Render, worker_id: str) -> Project:
    """One environment with all that any combination asks for: enough for what reads, and never runs.

    Two that need one package in versions that exclude each other could not share it.
    """
    root = CACHE / "reading"
    root.mkdir(parents=True, exist_ok=True)
    asked: set[str] = {f"deptry=={version('deptry')}"}
    for answers in options.richest():
        settings = tomllib.loads((render(**answers) / "pyproject.toml").read_text(encoding="utf-8"))
        asked.update(settings["project"]["dependencies"], *settings["dependency-groups"].values())
    described = {"name": "reading", "version": "0", "dependencies": sorted(asked)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in described.items()]
    project = Project(root, root / "environment", caches=root / worker_id)
    with FileLock(root / ".lock"):
        (root / "pyproject.toml").write_text("\n".join(["[project]", *lines, ""]))
        project.run("uv", "sync", "--compile-bytecode")
    return project


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return what it prints."""
    done = attempt(*command, cwd=cwd, env=env)
    if done.returncode:
        said = f"{shlex.join(map(str, command))} exited with {done.returncode} in {cwd}"
        raise AssertionError(f"{said}\n\n{done.stdout}")
    return done.stdout


def attempt(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure may be what is looked for."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10 * MINUTES,
        check=False,
    )


def interrupt(
    *command: str | Path, when: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Start a command, and press Ctrl-C once a path is there: the terminal tells all of its group."""
    process = subprocess.Popen(
        command,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + MINUTES
    while not when.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=MINUTES)
    return subprocess.CompletedProcess(command, process.returncode, said)


def environment(**variables: str) -> dict[str, str]:
    """This environment, without what belongs to the run of these tests, or to the user's tools."""
    tests = ("PYTEST_", "PYTHON", "VIRTUAL_ENV", "TEST_", "DATABASE_URL", "REDIS_URL")
    # pyenv's say which Python these tests run on, which is not every project's.
    tools = ("GIT_", "PYENV_VERSION", "PYENV_DIR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(tests + tools)}
    programs = [p for p in kept["PATH"].split(os.pathsep) if not p.startswith(sys.prefix)]
    own = {
        "PATH": os.pathsep.join(programs),
        "GIT_CONFIG_GLOBAL": str(ROOT / "tests/gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return kept | own | variables


def git(repository: Path, *arguments: str) -> str:
    return run("git", "-C", repository, *arguments, cwd=repository)
