"""Tests of the query log without a database: `observed` does not execute the statements."""

from unittest.mock import AsyncMock

import pytest
import structlog
from starlette.types import Receive, Scope, Send

from app.core.database.query_log import observed, query_log
from app.middleware.query_log import QueryLogMiddleware


@pytest.mark.error_path
@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "begin immediate", "COMMIT", "ROLLBACK TO s", "\nSAVEPOINT s", "RELEASE s"],
)
def test_transaction_control_is_not_counted(statement: str) -> None:
    with query_log() as log, observed(statement):
        pass

    assert (log.queries, log.seconds) == (0, 0)


@pytest.mark.error_path
def test_a_statement_that_fails_is_counted() -> None:
    with query_log() as log, pytest.raises(ZeroDivisionError), observed("SELECT 1 / 0"):
        raise ZeroDivisionError

    assert log.queries == 1
    assert log.seconds > 0


@pytest.mark.error_path
def test_a_statement_outside_a_request_is_not_counted() -> None:
    with query_log() as log:
        pass
    with observed("SELECT 1"):
        pass

    assert log.queries == 0


def test_a_repeated_statement_is_reported_on_one_line() -> None:
    with query_log() as log:
        for _ in range(2):
            with observed("SELECT id\nFROM items"):
                pass
        with observed("SELECT 1"):
            pass

    assert log.repeated(1) == {"SELECT id FROM items": 2}
    assert log.repeated(2) == {}


@pytest.mark.error_path
@pytest.mark.parametrize("last", ["http.response.body", "websocket.accept"])
async def test_statements_after_the_end_of_the_request_are_not_counted(last: str) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        with observed("SELECT 1"):
            await send({"type": "http.response.body", "more_body": True})
        with observed("SELECT 2"):
            pass
        await send({"type": last})
        # A background task or a live event may execute statements after the end of the request.
        with observed("SELECT 3"):
            pass

    await QueryLogMiddleware(app)({"type": last.partition(".")[0]}, AsyncMock(), AsyncMock())

    assert structlog.contextvars.get_contextvars()["queries"] == 2
