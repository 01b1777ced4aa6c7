"""Rendered projects: install them, run their commands, and serve them over HTTP."""

import json
import os
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


@contextmanager
def installer(worker_id: str) -> Iterator[Callable[[Path], Project]]:
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


def with_every_dependency(render: Render, worker_id: str) -> Project:
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


@contextmanager
def served(project: Project, **variables: str) -> Iterator[int]:
    """The service as `app dev` runs it, on servers of its own where none is named; gives the port."""
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
        # Root's server is `nobody`, who may not pass through the tests' folder: its data is in a
        # place that is named after the project's, and another run's project may have that name.
        for note in project.root.glob(".local/*.README.txt"):
            shutil.rmtree(note.read_text(encoding="utf-8").split("is in ")[1].split(":")[0])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
