"""Run commands without the environment variables of pytest and of the user's tools."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.paths import ROOT

MINUTES = 60
"""Seconds in a minute."""

COPIER = (sys.executable, "-m", "copier")
"""Command that runs the version of copier in the environment of the tests."""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output. Raise AssertionError if the exit code is not 0."""
    done = attempt(*command, cwd=cwd, env=env)
    if done.returncode:
        message = f"{shlex.join(map(str, command))} exited with {done.returncode} in {cwd}"
        raise AssertionError(f"{message}\n\n{done.stdout}")
    return done.stdout


def attempt(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail, and return its exit code and output."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # On a slow machine, the tests of a project with all options take more than 10 minutes.
        timeout=20 * MINUTES,
        check=False,
    )


def interrupt(
    *command: str | Path, when: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Start a command, and send SIGINT to the command's process group once the path `when` exists.

    A terminal sends the same signal when the user presses Ctrl-C.
    """
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
    output, _ = process.communicate(timeout=MINUTES)
    return subprocess.CompletedProcess(command, process.returncode, output)


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment variables, except those of pytest and the user's tools."""
    tests = ("PYTEST_", "PYTHON", "VIRTUAL_ENV", "TEST_", "DATABASE_URL", "REDIS_URL")
    # pyenv's variables select the tests' Python version, but a project may need another version.
    tools = ("GIT_", "PYENV_VERSION", "PYENV_DIR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(tests + tools)}
    programs = [p for p in kept["PATH"].split(os.pathsep) if not p.startswith(sys.prefix)]
    own = {
        "PATH": os.pathsep.join(programs),
        "GIT_CONFIG_GLOBAL": str(ROOT / "tests/gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return kept | own | variables
