"""Units of work: a session, the changes made in it, and what follows its commit."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from app.core.database.changes import Change, Resource, Subscriber
from app.core.database.session import Session
from app.core.logging import get_logger

logger = get_logger(__name__)

type Load = Callable[[], Awaitable[object | None]]


class RowCache(Protocol):
    """A cache of rows, from which reads by id may come instead of from the database."""

    async def get(self, resource: Resource, row_id: UUID, load: Load) -> Mapping[str, Any] | None:
        """The row's fields, as far as its resource's schema has them; None where there is no row.

        `load` reads the row from the database.
        """


class UnitOfWork:
    """What one request, job or command does: the repositories' session, and what they changed."""

    def __init__(self, session: Session, cache: RowCache | None = None) -> None:
        self.session = session
        self.cache = cache
        """None in a transaction, which reads from the database only."""

        self.changes: list[Change] = []
        self.actions: list[Callable[[], Awaitable[None]]] = []

    def after_commit[**Parameters](
        self,
        action: Callable[Parameters, Awaitable[None]],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> None:
        """Call `action` once the transaction is committed, and never if it is rolled back.

        Without a transaction it is called at the end, unless an error ends the unit of work.
        """
        self.actions.append(partial(action, *args, **kwargs))


class UnitsOfWork:
    """How units of work begin and end; the ORM's `Database` supplies their sessions."""

    def __init__(self) -> None:
        self.cache: RowCache | None = None
        self.subscribers: list[Subscriber] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[UnitOfWork]:
        """Commit at the end, roll back on any error.

        Raises `ServiceUnavailableError` where the database is unavailable or every connection is taken.
        """
        async with self.writing_session() as session:
            unit = UnitOfWork(session)
            yield unit
        await self._follow(unit)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[UnitOfWork]:
        """Every statement by itself, without a transaction; raises like `transaction`."""
        async with self.reading_session() as session:
            unit = UnitOfWork(session, self.cache)
            yield unit
        await self._follow(unit)

    def writing_session(self) -> AbstractAsyncContextManager[Session]:
        """A session in a transaction."""
        raise NotImplementedError

    def reading_session(self) -> AbstractAsyncContextManager[Session]:
        """A session without a transaction, which refuses to write."""
        raise NotImplementedError

    async def _follow(self, unit: UnitOfWork) -> None:
        """Tell the subscribers, and run the actions.

        One that fails is logged: the commit stands, and the others have to follow it, too.
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
