"""Test that services with different ORMs, databases and options return the same responses.

The expected responses are text files in `tests/answers`. After an intended change, update the files
with `WRITE_ANSWERS=1 uv run pytest -n0 tests/test_answers.py`, and review the diff.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import ADMIN, PASSWORD, record_responses
from tests.support.options import Answers
from tests.support.projects import Project, served

ANSWERS = Path(__file__).with_name("answers")


@pytest.mark.matrix("answers")
def test_clients_get_the_same_responses_from_every_combination(
    pair: Answers, install: Callable[..., Project]
) -> None:
    project = install(**pair)
    auth = pair["auth"] == "jwt"
    with served(project) as port:
        if auth:
            project.run("app", "users", "create-admin", ADMIN, env={"ADMIN_PASSWORD": PASSWORD})
        transcript = record_responses(port, auth=auth)

    expected = ANSWERS / f"auth={pair['auth']}.txt"
    if "WRITE_ANSWERS" in os.environ:
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(transcript, encoding="utf-8")
    assert transcript == expected.read_text(encoding="utf-8")
