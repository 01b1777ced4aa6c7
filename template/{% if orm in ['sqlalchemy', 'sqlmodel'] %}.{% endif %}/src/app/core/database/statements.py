"""In development, counts the SQL statements of each request for the request's log line."""

from typing import Any, Literal

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from app.core.database.query_log import observed


def observe_statements(engine: Engine) -> None:
    """Execute the engine's statements inside `observed`, except those that SQLAlchemy itself sends.

    SQLAlchemy itself sends statements when it opens the first connection. These statements do not
    have the engine's execution options.
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
    """Execute the statement for each element of `parameters`, but count it only once."""
    with observed(statement):
        context.dialect.do_executemany(cursor, statement, parameters, context)
    return True
