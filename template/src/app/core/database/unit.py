"""Units of work: a session, the changes made in it, and the actions that follow its commit."""

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
    """A cache of rows for reads by id."""

    async def get(self, resource: Resource, row_id: UUID, load: Load) -> Mapping[str, Any] | None:
        """Return the row's fields that the resource's schema has, or None if there is no row.

        `load` reads the row from the database if it is not cached.
        """


class UnitOfWork:
    """The session of one request, job or command, and the changes that repositories made in it."""

    def __init__(self, session: Session, cache: RowCache | None = None) -> None:
        self.session = session
        self.cache = cache
        """The cache, or None in a transaction, which reads only from the database."""

        self.changes: list[Change] = []
        self.actions: list[Callable[[], Awaitable[None]]] = []

    def after_commit[**Parameters](
        self,
        action: Callable[Parameters, Awaitable[None]],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> None:
        """Call `action` after the transaction is committed. A rollback discards the action.

        Without a transaction, `action` is called when the unit of work ends without an error.
        """
        self.actions.append(partial(action, *args, **kwargs))


class UnitsOfWork:
    """Begins and ends units of work. The subclass `Database` provides their sessions."""

    def __init__(self) -> None:
        self.cache: RowCache | None = None
        self.subscribers: list[ChangeSubscriber] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[UnitOfWork]:
        """Begin a unit of work in a transaction. Commit it at the end, and roll back on any error.

        Raises `ServiceUnavailableError` if the database is unavailable or no connection is free.
        """
        async with self.writing_session() as session:
            unit = UnitOfWork(session)
            yield unit
        await self._run_after_commit(unit)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[UnitOfWork]:
        """Begin a unit of work that only reads, with every statement outside of a transaction.

        Raises `ServiceUnavailableError` if the database is unavailable or no connection is free.
        """
        async with self.reading_session() as session:
            unit = UnitOfWork(session, self.cache)
            yield unit
        await self._run_after_commit(unit)

    def writing_session(self) -> AbstractAsyncContextManager[Session]:
        """Return a session in a transaction."""
        raise NotImplementedError

    def reading_session(self) -> AbstractAsyncContextManager[Session]:
        """Return a session without a transaction, which refuses to write."""
        raise NotImplementedError

    async def _run_after_commit(self, unit: UnitOfWork) -> None:
        """Notify the subscribers of the changes, then run the after-commit actions.

        An exception is logged and does not stop the remaining actions, because the commit stands.
        """
        actions = unit.actions
        if unit.changes:
            notifications = [partial(subscriber, unit.changes) for subscriber in self.subscribers]
            actions = [*notifications, *actions]
        for action in actions:
            try:
                await action()
            except Exception:
                logger.exception("after_commit_failed")
