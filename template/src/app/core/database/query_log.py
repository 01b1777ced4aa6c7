"""Counts and measures the SQL statements of each request, in development.

In development, each statement is executed inside the context manager `observed`. In staging and
production, `observed` is never called.
"""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

TRANSACTION_CONTROL = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
"""Statements that control transactions. They are not counted, because no feature executes them."""


class QueryLog:
    """The number and the total duration of the SQL statements that one request has executed."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Sum of the durations of all statements, including those that ran at the same time."""

        self.is_open = True
        """False if no more statements are counted."""

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
    """Count the statements that the current task and its child tasks execute."""
    log = QueryLog()
    token = _current.set(log)
    try:
        yield log
    finally:
        _current.reset(token)


@contextmanager
def observed(statement: str) -> Generator[None]:
    """Count and measure the statement that the `with` block executes for the current request.

    `statement` must contain placeholders instead of values. A statement that fails is also counted.
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
