"""Whichever ORM, database and options are inside: a client gets the same answers.

They stand in `tests/answers`, as text to read. To write them anew, after a change that is wanted:
`WRITE_ANSWERS=1 uv run pytest -n0 tests/test_answers.py`, and look at the difference.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import ADMIN, PASSWORD, walk
from tests.conftest import Project
from tests.options import Answers

ANSWERS = Path(__file__).with_name("answers")


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


@pytest.mark.matrix("answers")
def test_a_client_gets_the_same_answers(pair: Answers, install: Callable[..., Project]) -> None:
    project = install(**pair)
    auth = pair["auth"] == "jwt"
    with served(project) as port:
        if auth:
            project.run("app", "users", "create-admin", ADMIN, env={"ADMIN_PASSWORD": PASSWORD})
        minutes = walk(port, auth=auth)

    expected = ANSWERS / f"auth={pair['auth']}.txt"
    if "WRITE_ANSWERS" in os.environ:
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(minutes, encoding="utf-8")
    assert minutes == expected.read_text(encoding="utf-8")
