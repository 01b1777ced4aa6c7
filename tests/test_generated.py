"""The generated service passes its own tests and checks: on its embedded server, and on a real one.

What a run leaves behind is a failure too: a file, a process, a database.
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
def alone(project: Project) -> Iterator[Run]:
    """Run commands in the project; afterwards no file and no process of theirs may be left."""
    before = set(project.root.rglob("*"))
    mark = secrets.token_hex(16)
    # A short path, and open to all: it may have to hold a socket of a server that is `nobody`.
    with tempfile.TemporaryDirectory(prefix="cf", dir="/tmp") as temporary:
        Path(temporary).chmod(0o755)

        # pytest keeps some of its own files on purpose.
        own = {"TMPDIR": temporary, "PYTEST_DEBUG_TEMPROOT": str(project.root.parent), "MARK": mark}

        def run(*command: str, **variables: str) -> str:
            return project.run(*command, env=own | variables)

        yield run

        left = [path for path in project.root.rglob("*") if not CACHES & set(path.parts)]
        assert set(left) - before == set()
        assert [path.name for path in Path(temporary).iterdir() if path.suffix != ".lock"] == []
        assert processes_with(mark) == []


def processes_with(mark: str) -> list[str]:
    """What still runs with this in its environment; Linux alone can say."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # It has ended by now, or is another user's.
    return found


def invalid_settings(project: Project) -> dict[str, str]:
    """Variables that fail a test that reads one of the developer's settings; `.env` has them too."""
    example = (project.root / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE)
    lines = [f"{name}=invalid\n" for name in names]
    (project.root / ".env").write_text("".join(lines), encoding="utf-8")
    # The tests use the servers that these two name.
    return dict.fromkeys(names, "invalid") | {"DATABASE_URL": "", "REDIS_URL": ""}


@pytest.mark.matrix("suite, embedded")
def test_passes_its_own_tests_on_embedded_servers(embedded: Answers, install: Install) -> None:
    project = install(**embedded)
    variables = invalid_settings(project)
    with alone(project) as run:
        # The coverage has to reach the share that pyproject.toml asks for.
        assert " passed" in run("pytest", "--cov", **variables)


@contextmanager
def file(folder: Path) -> Iterator[str]:
    """The URL of a file that stands for a server; afterwards nothing may be in it."""
    path = folder / "real.db"
    path.touch()
    yield f"sqlite:///{path}"
    assert path.read_bytes() == b""


@contextmanager
def redis_left_as_found(server: str) -> Iterator[str]:
    """The URL of a Redis; afterwards nothing new may be in it that no tests lay claim to."""
    before = set(unclaimed(server))
    yield server
    assert set(unclaimed(server)) - before == set()


def unclaimed(server: str) -> Iterator[tuple[int, str]]:
    """The keys in each database where no tests run: those that run elsewhere come and go."""
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
            servers["DATABASE_URL"] = stack.enter_context(file(tmp_path))
        elif server := real_postgres():
            servers["DATABASE_URL"] = stack.enter_context(role(server))
        else:
            pytest.skip("no PostgreSQL here: set TEST_DATABASE_URL")
        if combination["redis"]:
            if not (server := real_redis()):
                pytest.skip("no Redis here: set TEST_REDIS_URL")
            servers["REDIS_URL"] = stack.enter_context(redis_left_as_found(server))
        variables = invalid_settings(project) | servers
        with alone(project) as run:
            assert " passed" in run("pytest", **variables)


@pytest.mark.core
def test_passes_its_own_tests_in_parallel(install: Install) -> None:
    with alone(install(**options.EVERYTHING)) as run:
        said = run("uv", "run", "--with=pytest-xdist", "pytest", "--numprocesses=2")

    share = re.search(r"(\d+) of (\d+) tests are error paths", said)
    assert share
    assert f"{share[2]} passed" in said


@pytest.mark.core
def test_passes_all_that_its_pipeline_runs(install: Install) -> None:
    with alone(install()) as run:
        assert " passed" in run("uv", "run", "just", "check")


@pytest.mark.core
def test_passes_all_that_runs_after_a_switch(
    first_release: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    """By the project's own command, which ends with all that the pipeline runs."""
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
        pytest.skip(f"no Python {version} here")
    with alone(install(python_version=version)) as run:
        assert " passed" in run("pytest")
