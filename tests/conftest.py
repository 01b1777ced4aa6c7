"""Pytest hooks, and fixtures that several test files share.

The hooks and fixtures call helpers in `tests/support`, which contains one module for each topic.
"""

import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from xdist.workermanage import WorkerController

from tests.support import matrix, options, shards, texts
from tests.support.cases import cases_of
from tests.support.paths import ROOT
from tests.support.projects import Project, installer, with_every_dependency
from tests.support.rendering import (
    Render,
    cached_templates,
    copy_of_this_repository,
    render_once,
)
from tests.support.repositories import released_template
from tests.support.running import run
from tests.support.servers import real_postgres, real_redis
from tests.support.texts import Unchecked

COMMIT = pytest.StashKey[str]()
"""Stash key for the output of `git describe` at the start of the test run."""

COUNTS = pytest.StashKey[dict[str, int]]()
"""Stash key for two numbers: the tests in all shards, and the tests in this shard."""


# --- pytest hooks ---


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix")
    group.addoption(
        "--matrix",
        choices=options.TIERS,
        help="run the tests of combinations that cover each pair of answers (the default), of the "
        "core combinations, or of every combination, and print a table of the results",
    )
    group.addoption(
        "--matrix-report",
        metavar="FILE",
        type=Path,
        help="write the results to FILE, as JSON if FILE ends with .json, otherwise as Markdown",
    )
    group.addoption(
        "--shard",
        metavar="K/N",
        type=shards.parse,
        default=shards.WHOLE,
        help="divide the tests into N shards, and run only shard K, as in 3/8",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "matrix(check): column of the test in the matrix table")
    config.addinivalue_line("markers", "core: runs only with --matrix=core and --matrix=full")
    if config.getoption("matrix_report"):
        describe = ["git", "describe", "--always", "--dirty", "--tags"]
        config.stash[COMMIT] = run(*describe, cwd=ROOT, env=dict(os.environ)).strip()
    # Restore the default SIGINT handler, because shells make background jobs ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Store temporary files in memory, because each render writes hundreds of small files.
    # Use the RAM disk /dev/shm only if it has 2 GiB of free space and is not mounted with noexec.
    memory = Path("/dev/shm")
    if (
        memory.is_dir()
        and shutil.disk_usage(memory).free > 2 * 1024**3
        and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
        os.environ.setdefault("TMPDIR", str(memory))  # copier clones the template into TMPDIR.
        tempfile.tempdir = None  # Make `tempfile` read TMPDIR again.


def pytest_xdist_auto_num_workers() -> int:
    """Run two more workers than CPU cores, because many tests wait without using the CPU."""
    return (os.cpu_count() or 1) + 2


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize tests with combinations of options, such as one ORM with one database.

    The parameter `flip` is a pair of combinations that differ in one option.
    """
    tier = metafunc.config.getoption("matrix") or options.TIERS[0]
    cases = cases_of(tier)
    for name in cases.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, cases[name], ids=options.name)
    if "flip" in metafunc.fixturenames:
        metafunc.parametrize("flip", options.flips(tier), ids=options.flip_name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Deselect parametrized tests without parameters. pytest appends [NOTSET] to their names.
    deselected = [item for item in items if item.name.endswith("[NOTSET]")]
    if not config.getoption("matrix"):
        deselected += [item for item in items if item.get_closest_marker("core")]
    left_out = set(deselected)
    every = [item for item in items if item not in left_out]
    selected = set(config.getoption("shard").select(every))
    config.hook.pytest_deselected(items=[item for item in items if item not in selected])
    items[:] = [item for item in every if item in selected]
    config.stash[COUNTS] = {"collected": len(every), "selected": len(items)}
    if hasattr(config, "workeroutput"):  # pytest-xdist sends this dictionary to the main process.
        config.workeroutput.update(config.stash[COUNTS])
    for item in items:
        if isinstance(item, pytest.Function) and (mark := item.get_closest_marker("matrix")):
            item.user_properties.append(matrix.property_of(item.callspec.params, *mark.args))
    # Start the slowest tests first, so that all pytest workers finish at about the same time.
    # Start type checks early: the first one fills mypy's cache while other workers run slow tests.
    items.sort(key=lambda item: (item.path.name != "test_generated.py", "typed" not in item.name))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Copy the test counts from a pytest-xdist worker, because only workers collect tests."""
    output = getattr(node, "workeroutput", {})
    if output.keys() >= {"collected", "selected"}:  # A crashed worker has no output.
        node.config.stash[COUNTS] = {name: output[name] for name in ("collected", "selected")}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    every = [report for group in terminalreporter.stats.values() for report in group]
    reports = [report for report in every if isinstance(report, pytest.TestReport)]
    for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error"):
        again = shlex.quote(report.nodeid)
        terminalreporter.write_line(f"To run it again: uv run pytest -n0 --matrix=full {again}")
    if config.getoption("matrix") or config.getoption("matrix_report"):
        run = matrix.Run(
            config.stash.get(COMMIT, ""),
            config.getoption("matrix") or options.TIERS[0],
            str(config.getoption("shard")),
            **config.stash.get(COUNTS, {"collected": 0, "selected": 0}),
        )
        results = matrix.results_of(reports, run)
        terminalreporter.write_line(matrix.table(results))
        if file := config.getoption("matrix_report"):
            matrix.write(results, file)
    if any("test_generated.py" in report.nodeid for report in reports):
        for name, server in (("PostgreSQL", real_postgres()), ("Redis", real_redis())):
            real = f"and on {urlsplit(server).hostname}" if server else "ONLY: no real server found"
            terminalreporter.write_sep("-", f"{name}: tested on the embedded server {real}")


# --- Fixtures that several test files use ---


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all pytest workers of the test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """Return a copy of this repository's files, except for files that git ignores."""
    return copy_of_this_repository(shared)


@pytest.fixture(scope="session", autouse=True)
def _render_fast() -> Iterator[None]:
    with cached_templates():
        yield


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Render:
    """Return a function that renders the template, with defaults for unanswered questions.

    Tests share each rendered project, so a test must not write to the project.
    """
    return partial(render_once, template, shared / "rendered")


@pytest.fixture(scope="session")
def unchecked(shared: Path) -> Unchecked:
    """Return a context manager that yields the files for which a check has not passed yet."""
    return partial(texts.unchecked, shared / "passed")


@pytest.fixture(scope="session")
def first_release(template: Path, shared: Path) -> Path:
    """Return a Git repository that contains the template and one release.

    All tests share this repository, so a test must not change it.
    """
    return released_template(template, shared)


@pytest.fixture
def released(first_release: Path, tmp_path: Path) -> Path:
    """Return a copy of the repository `first_release`, to which a test may add releases."""
    return Path(shutil.copytree(first_release, tmp_path / "template"))


@pytest.fixture
def install(
    render: Render, sync: Callable[[Path], Project], tmp_path: Path
) -> Callable[..., Project]:
    """Return a function that renders and installs a project for use by a single test."""

    def install(**answers: str | bool) -> Project:
        root = tmp_path / "my-api"
        shutil.copytree(render(**answers), root)
        return sync(root)

    return install


@pytest.fixture
def sync(worker_id: str) -> Iterator[Callable[[Path], Project]]:
    """Yield a function that installs a project into a reusable virtual environment."""
    with installer(worker_id) as install:
        yield install


@pytest.fixture(scope="session")
def all_dependencies(render: Render, worker_id: str) -> Project:
    """Return a project whose virtual environment has the dependencies of all possible projects."""
    return with_every_dependency(render, worker_id)
