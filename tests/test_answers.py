"""Whichever ORM, database and options are inside: a client gets the same answers.

They stand in `tests/answers`, as text to read. To write them anew, after a change that is wanted:
`WRITE_ANSWERS=1 uv run pytest -n0 tests/test_answers.py`, and look at the difference.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import ADMIN, PASSWORD, walk
from tests.support.options import Answers
from tests.support.projects import Project, served

ANSWERS = Path(__file__).with_name("answers")


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
