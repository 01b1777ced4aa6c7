"""Test that generated services pass their own tests and checks.

The tests run against embedded and external PostgreSQL and Redis servers. The test of a generated
service also fails if the service's own tests leave a file, a process or a database behind.
"""

import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from tests.support import options
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import render_to
from tests.support.repositories import commit, git
from tests.support.running import attempt
from tests.support.servers import real_postgres, real_redis, role

type Install = Callable[..., Project]
type Run = Callable[..., str]

CACHES = {".coverage", ".hypothesis", ".import_linter_cache", ".pytest_cache", "__pycache__"}


@contextmanager
def without_leftovers(project: Project) -> Iterator[Run]:
    """Yield a function that runs commands. Fail if a command leaves a file or a process behind."""
    before = set(project.root.rglob("*"))
    mark = secrets.token_hex(16)
    # The folder must have a short path, because the paths of Unix sockets are limited in length.
    with tempfile.TemporaryDirectory(prefix="cf", dir="/tmp") as temporary:
        # PostgreSQL may run as the user `nobody`, which must be able to read the folder.
        Path(temporary).chmod(0o755)

        # pytest gets another temporary folder, because pytest does not delete all temporary files.
        own = {"TMPDIR": temporary, "PYTEST_DEBUG_TEMPROOT": str(project.root.parent), "MARK": mark}

        def run(*command: str, **variables: str) -> str:
            return project.run(*command, env=own | variables)

        yield run

        left = [path for path in project.root.rglob("*") if not CACHES & set(path.parts)]
        assert set(left) - before == set()
        assert [path.name for path in Path(temporary).iterdir() if path.suffix != ".lock"] == []
        assert processes_with(mark) == []


def processes_with(mark: str) -> list[str]:
    """Return the command lines of processes whose environment contains `mark` (Linux only)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # The process has ended, or belongs to another user.
    return found


def invalid_settings(project: Project) -> dict[str, str]:
    """Return environment variables for a test run of the project, and write a `.env` file.

    The variables and the file simulate a developer's settings. The values are deliberately invalid,
    so that any of the generated project's own tests that reads them fails.
    """
    example = (project.root / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE)
    lines = [f"{name}=invalid\n" for name in names]
    (project.root / ".env").write_text("".join(lines), encoding="utf-8")
    # If DATABASE_URL and REDIS_URL are empty, the project's tests start embedded servers.
    return dict.fromkeys(names, "invalid") | {"DATABASE_URL": "", "REDIS_URL": ""}


@pytest.mark.matrix("suite, embedded")
def test_passes_its_own_tests_on_embedded_servers(embedded: Answers, install: Install) -> None:
    project = install(**embedded)
    variables = invalid_settings(project)
    with without_leftovers(project) as run:
        # pytest fails if the coverage is below `fail_under` in pyproject.toml.
        assert " passed" in run("pytest", "--cov", **variables)


@contextmanager
def untouched_sqlite_file(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty SQLite database. Fail if a test writes to the database."""
    path = folder / "real.db"
    path.touch()
    yield f"sqlite:///{path}"
    assert path.read_bytes() == b""


@contextmanager
def untouched_redis(server: str) -> Iterator[str]:
    """Yield the URL of a Redis server. Fail if the tests leave new keys in Redis."""
    before = set(unclaimed_keys(server))
    yield server
    assert set(unclaimed_keys(server)) - before == set()


def unclaimed_keys(server: str) -> Iterator[tuple[int, str]]:
    """Yield all keys in Redis, except in databases that a running test process has claimed."""
    with redis.Redis.from_url(server, decode_responses=True) as client:
        numbers = [int(name.removeprefix("db")) for name in client.info("keyspace")]
    for number in numbers:
        with redis.Redis.from_url(server, db=number, decode_responses=True) as client:
            pid = (client.get("app:tests") or "").rpartition(" ")[2]
            if not pid or not Path("/proc", pid).exists():
                yield from ((number, key) for key in client.scan_iter())


@pytest.mark.matrix("suite, real")
def test_passes_its_own_tests_on_real_servers(
    combination: Answers, install: Install, tmp_path: Path
) -> None:
    project = install(**combination)
    with ExitStack() as stack:
        servers = {}
        if combination["database"] == "sqlite":
            servers["DATABASE_URL"] = stack.enter_context(untouched_sqlite_file(tmp_path))
        elif server := real_postgres():
            servers["DATABASE_URL"] = stack.enter_context(role(server))
        else:
            pytest.skip("No PostgreSQL server was found. Set TEST_DATABASE_URL.")
        if combination["redis"]:
            if not (server := real_redis()):
                pytest.skip("No Redis server was found. Set TEST_REDIS_URL.")
            servers["REDIS_URL"] = stack.enter_context(untouched_redis(server))
        variables = invalid_settings(project) | servers
        with without_leftovers(project) as run:
            assert " passed" in run("pytest", **variables)


@pytest.mark.core
def test_passes_its_own_tests_in_parallel(install: Install) -> None:
    with without_leftovers(install(**options.EVERYTHING)) as run:
        output = run("uv", "run", "--with=pytest-xdist", "pytest", "--numprocesses=2")

    share = re.search(r"(\d+) of (\d+) tests are error paths", output)
    assert share
    assert f"{share[2]} passed" in output


@pytest.mark.core
def test_passes_just_check(install: Install) -> None:
    with without_leftovers(install()) as run:
        assert " passed" in run("uv", "run", "just", "check")


@pytest.mark.core
def test_passes_all_checks_after_redis_is_switched_on(
    first_release: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    """The project's `just template-update` command runs all checks after the update."""
    root = tmp_path / "my-api"
    render_to(first_release, root, {"database": "sqlite", "auth": "none"})
    git(root, "init", "--quiet")
    project = sync(root)
    commit(root)

    said = project.run("uv", "run", "just", "template-update", "redis=true")

    assert " passed" in said.partition("The project is updated.")[2]
    assert "?? src/app/core/redis/" in git(root, "status", "--porcelain")
    assert " M uv.lock" in git(root, "status", "--porcelain")


@pytest.mark.core
@pytest.mark.parametrize("version", options.SURFACE["python_version"][1:])
def test_passes_its_own_tests_on_another_python(
    version: str, install: Install, tmp_path: Path
) -> None:
    (tmp_path / ".python-version").write_text(version)
    if attempt("uv", "python", "find", "--no-python-downloads", cwd=tmp_path).returncode:
        pytest.skip(f"Python {version} is not installed.")
    with without_leftovers(install(python_version=version)) as run:
        assert " passed" in run("pytest")
