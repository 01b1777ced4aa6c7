"""Units of work: a database session, its row changes, and actions that run after the commit."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from app.core.database.changes import Change, ChangeSubscriber, Resource
from app.core.database.session import Session
from app.core.logging import get_logger

logger = get_logger(__name__)

type Load = Callable[[], Awaitable[object | None]]


class RowCache(Protocol):
    """A cache of database rows, keyed by row id."""

    async def get(self, resource: Resource, row_id: UUID, load: Load) -> Mapping[str, Any] | None:
        """Return the row, limited to the fields of `resource.schema`, or None if there is no row.

        If the row is not cached, `load` is called to read the row from the database.
        """


class UnitOfWork:
    """The database session of one request, job or command, and the row changes made in it."""

    def __init__(self, session: Session, cache: RowCache | None = None) -> None:
        self.session = session
        self.cache = cache
        """The row cache, or None in a transaction, because transactions read from the database."""

        self.changes: list[Change] = []
        self.actions: list[Callable[[], Awaitable[None]]] = []

    def after_commit[**Parameters](
        self,
        action: Callable[Parameters, Awaitable[None]],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> None:
        """Call `action` after the transaction is committed, but not after a rollback.

        In a unit of work without a transaction, `action` is called at the end if no error occurred.
        """
        self.actions.append(partial(action, *args, **kwargs))


class UnitsOfWork:
    """Begins and ends units of work. The subclass `Database` provides the database sessions."""

    def __init__(self) -> None:
        self.cache: RowCache | None = None
        self.subscribers: list[ChangeSubscriber] = []

    writing_session: Callable[[], AbstractAsyncContextManager[Session]]
    """Return a context manager that yields a session in a transaction."""

    reading_session: Callable[[], AbstractAsyncContextManager[Session]]
    """Return a context manager that yields a read-only session without a transaction."""

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Run a unit of work in a transaction, which is rolled back if an error is raised.

        Raises `ServiceUnavailableError` if the database is unavailable or no connection is free.
        """
        return self._unit(self.writing_session(), None)

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Run a read-only unit of work, which executes its statements without a transaction.

        Raises `ServiceUnavailableError` if the database is unavailable or no connection is free.
        """
        return self._unit(self.reading_session(), self.cache)

    @asynccontextmanager
    async def _unit(
        self, opening: AbstractAsyncContextManager[Session], cache: RowCache | None
    ) -> AsyncGenerator[UnitOfWork]:
        """Run a unit of work, then notify the subscribers and run the after-commit actions.

        An exception in a subscriber or in an after-commit action is logged but not raised, because
        the transaction is already committed.
        """
        async with opening as session:
            unit = UnitOfWork(session, cache)
            yield unit
        actions = unit.actions
        if unit.changes:
            actions = [*(partial(notify, unit.changes) for notify in self.subscribers), *actions]
        for action in actions:
            try:
                await action()
            except Exception:
                logger.exception("after_commit_failed")
