"""Counts and measures the SQL statements of a request, in development.

The database driver or the ORM executes each statement inside `observed`. In staging and production,
`observed` is never called.
"""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

TRANSACTION_CONTROL = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
"""Statements that are not counted, because no code of a feature executes them."""


class QueryLog:
    """The number and the duration of the SQL statements that one request has executed."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """The sum of the statements' durations. Statements that run in parallel all count."""

        self.is_open = True
        """Whether further statements are counted."""

        self._counts: Counter[str] = Counter()

    def add(self, statement: str, seconds: float) -> None:
        if self.is_open:
            self._counts[statement] += 1
            self.seconds += seconds

    @property
    def queries(self) -> int:
        return self._counts.total()

    def repeated(self, limit: int) -> dict[str, int]:
        """Return the statements that were executed more than `limit` times, with their counts.

        Line breaks in the statements are replaced with spaces.
        """
        return {
            " ".join(statement.split()): count
            for statement, count in self._counts.items()
            if count > limit
        }


_current: ContextVar[QueryLog | None] = ContextVar("query_log", default=None)


@contextmanager
def query_log() -> Generator[QueryLog]:
    """Count the statements that the current task, and the tasks that it starts, execute."""
    log = QueryLog()
    token = _current.set(log)
    try:
        yield log
    finally:
        _current.reset(token)


@contextmanager
def observed(statement: str) -> Generator[None]:
    """Add the statement that the `with` block executes to the query log of the current request.

    `statement` must contain parameters in place of values. A statement that fails is also added.
    """
    log = _current.get()
    if log is None or TRANSACTION_CONTROL.match(statement):
        yield
        return
    started = perf_counter()
    try:
        yield
    finally:
        log.add(statement, perf_counter() - started)
