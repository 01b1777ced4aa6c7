"""Install rendered projects, run their commands, and serve them over HTTP."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from filelock import FileLock

from tests.support import options
from tests.support.paths import CACHE
from tests.support.rendering import Render
from tests.support.running import MINUTES, environment, run


@dataclass(frozen=True)
class Project:
    """A rendered project, and the virtual environment in which the project is installed."""

    root: Path
    environment: Path
    caches: Path
    """Folder outside the project for the caches of mypy and ruff. All tests share this folder."""

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a command in the project's environment and return its output. Raise if it fails."""
        return run(*command, cwd=cwd or self.root, env={**self._environment(), **(env or {})})

    def start(
        self,
        *command: str,
        output: TextIO | int,
        errors: TextIO | int = subprocess.STDOUT,
        stdin: int = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command in the project's environment, without waiting until it exits."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**self._environment(), **(env or {})},
            stdin=stdin,
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


@contextmanager
def installer(worker_id: str) -> Iterator[Callable[[Path], Project]]:
    """Yield a function that installs a project into a virtual environment that later tests reuse.

    Each pytest worker has one virtual environment for each Python version, because an environment
    can contain only one project. When the next project is installed, uv replaces only the packages
    that differ.
    """
    with ExitStack() as stack:
        locks: dict[Path, FileLock] = {}

        def sync(root: Path) -> Project:
            python = (root / ".python-version").read_text().strip()
            kept = CACHE / "environments" / f"{python}-{worker_id}"
            kept.mkdir(parents=True, exist_ok=True)
            if kept not in locks:  # A concurrent test run must not use the same environment.
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


def with_every_dependency(render: Render, worker_id: str) -> Project:
    """Return a virtual environment with every package on which any generated project depends.

    The installation fails if two combinations require incompatible versions of a package.
    """
    root = CACHE / "reading"
    root.mkdir(parents=True, exist_ok=True)
    requirements: set[str] = {f"deptry=={version('deptry')}"}
    for answers in options.with_everything_on():
        settings = tomllib.loads((render(**answers) / "pyproject.toml").read_text(encoding="utf-8"))
        groups = settings["dependency-groups"].values()
        requirements.update(settings["project"]["dependencies"], *groups)
    metadata = {
        "name": "reading",
        "version": "0",
        "requires-python": settings["project"]["requires-python"],
        "dependencies": sorted(requirements),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in metadata.items()]
    project = Project(root, root / "environment", caches=root / worker_id)
    with FileLock(root / ".lock"):
        (root / "pyproject.toml").write_text("\n".join(["[project]", *lines, ""]))
        shutil.copy(render() / ".python-version", root)
        project.run("uv", "sync", "--compile-bytecode")
    return project


@contextmanager
def served(project: Project, **variables: str) -> Iterator[int]:
    """Serve the project with `app dev`, and yield the port.

    `app dev` starts embedded PostgreSQL and Redis servers unless `variables` has URLs of servers.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = project.root.with_name("dev.log")
    with log.open("w") as output:
        process = project.start("app", "dev", "--port", str(port), output=output, env=variables)
    try:
        deadline = time.monotonic() + 60
        while not is_listening(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        # If root runs the tests, `app dev` stores PostgreSQL's data in /var/lib/app-postgres.
        # Delete PostgreSQL's data, because a later test run may create a project at the same path.
        for note in project.root.glob(".local/*.README.txt"):
            folder = re.search(r"/var/lib/app-postgres/\w+", note.read_text(encoding="utf-8"))
            assert folder, note
            shutil.rmtree(folder[0])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
