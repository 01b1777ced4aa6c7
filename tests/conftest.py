"""The pytest hooks, and the fixtures that several test files share.

The helpers that do the work are in `tests/support`, one module for each subject.
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

from tests.support import matrix, options
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

COMMIT = pytest.StashKey[str]()
"""What is tested: as it is when the run starts."""


# --- Hooks ---


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


# --- Fixtures ---


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder for what every worker of a run needs, and one makes."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """This repository's files, committed or not, without those that git ignores."""
    return copy_of_this_repository(shared)


@pytest.fixture(scope="session", autouse=True)
def _render_fast() -> Iterator[None]:
    with cached_templates():
        yield


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Render:
    """Render with these answers, and the defaults for others; the tree is shared: look, don't write."""
    return partial(render_once, template, shared / "rendered")


@pytest.fixture(scope="session")
def first_release(template: Path, shared: Path) -> Path:
    """A repository of the template with one release, which is shared: nothing more is released."""
    return released_template(template, shared)


@pytest.fixture
def released(first_release: Path, tmp_path: Path) -> Path:
    """The same for a test that releases more."""
    return Path(shutil.copytree(first_release, tmp_path / "template"))


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
    """Install a project into an environment that is kept for the next."""
    with installer(worker_id) as install:
        yield install


@pytest.fixture(scope="session")
def reading(render: Render, worker_id: str) -> Project:
    """One environment with all that any combination asks for: enough for what reads, and never runs."""
    return with_every_dependency(render, worker_id)
