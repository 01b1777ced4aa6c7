"""Counts the SQL statements of an engine in development, for the log line of each request."""

from typing import Any, Literal

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from app.core.database.query_log import observed


def observe_statements(engine: Engine) -> None:
    """Execute the engine's statements inside `observed`, except statements of SQLAlchemy itself.

    SQLAlchemy itself executes statements when it opens the first connection. These statements do
    not have the execution options of the engine.
    """
    engine.update_execution_options(observed=True)
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "do_executemany", _execute_many)


def _execute(
    cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext
) -> Literal[True] | None:
    """Execute the statement and return True, or return None to let SQLAlchemy execute it."""
    if not context.execution_options.get("observed"):
        return None
    with observed(statement):
        context.dialect.do_execute(cursor, statement, parameters, context)
    return True


def _execute_many(
    cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext
) -> Literal[True]:
    """Execute the statement once for each element of `parameters`, and count it only once."""
    with observed(statement):
        context.dialect.do_executemany(cursor, statement, parameters, context)
    return True
