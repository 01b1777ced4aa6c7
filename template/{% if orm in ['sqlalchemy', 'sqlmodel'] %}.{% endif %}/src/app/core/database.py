"""Sessions: how a transaction begins, ends and fails."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

from sqlalchemy import Result, event, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState

from app.config import Settings
from app.core.engine import SchemaChangedError, create_engine
from app.core.errors import ServiceUnavailableError
from app.core.session import Session, SyncSession

__all__ = ["Database", "Session"]


class ReadOnlySession(SyncSession):
    """What a safe request gets: writing in it is a mistake of ours, and fails loudly."""


@event.listens_for(ReadOnlySession, "before_flush")
def _refuse_flush(*_args: Any) -> None:
    raise RuntimeError("a request that only reads tried to write")


@event.listens_for(ReadOnlySession, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        raise RuntimeError("a request that only reads tried to write")


@event.listens_for(ReadOnlySession, "do_orm_execute")
def _repeat_once(state: ORMExecuteState) -> Result[Any]:
    """Read again where a migration has come in between: without a transaction nothing is lost."""
    try:
        return state.invoke_statement()
    except SchemaChangedError:
        return state.invoke_statement()


class Database:
    """The engine, and the two ways to work with it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._transactions = async_sessionmaker(engine, class_=Session, expire_on_commit=False)
        # One pool for both: reads only skip BEGIN and COMMIT, half of what they would cost.
        self._reads = async_sessionmaker(
            engine.execution_options(isolation_level="AUTOCOMMIT"),
            class_=Session,
            sync_session_class=ReadOnlySession,
            expire_on_commit=False,
        )

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncGenerator[Self]:
        """A database for as long as the context lasts; connections are opened when needed."""
        engine = create_engine(settings)
        try:
            yield cls(engine)
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Session]:
        """Commit at the end, roll back on any error.

        Raises `ServiceUnavailableError` where the database is away or every connection is taken.
        """
        with _pool_errors():
            async with self._transactions.begin() as session:
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Session]:
        """Every statement by itself, without a transaction; raises like `transaction`."""
        with _pool_errors():
            async with self._reads() as session:
                yield session

    async def ping(self) -> None:
        async with self.reading() as session:
            connection = await session.connection()
            await connection.execute(text("SELECT 1"))


@contextmanager
def _pool_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as exc:
        raise ServiceUnavailableError("Every database connection is taken.") from exc
