"""The `Database` class, which opens sessions and manages their transactions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Self

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.core.database.engine import TRANSACTIONS, create_engine
from app.core.database.limit import ConnectionLimit
from app.core.database.session import ReadOnlySession, Session
from app.core.database.unit import UnitsOfWork


class Database(UnitsOfWork):
    """A connection pool that provides sessions for reading and for writing."""

    def __init__(self, engine: AsyncEngine, limit: ConnectionLimit) -> None:
        super().__init__()
        self._limit = limit
        self._engine = engine
        # Reads run without BEGIN and COMMIT, because these would double the duration of a read.
        self._transactions = engine.execution_options(isolation_level=TRANSACTIONS)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncGenerator[Self]:
        """Yield a `Database` that opens connections on demand. Close the connections on exit."""
        engine = create_engine(settings)
        try:
            yield cls(engine, ConnectionLimit(settings))
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._connect(self._transactions) as connection, connection.begin():
            yield Session(connection)

    @asynccontextmanager
    async def reading_session(self) -> AsyncGenerator[Session]:
        async with self._connect(self._engine) as connection:
            yield ReadOnlySession(connection)

    async def ping(self) -> None:
        async with self.reading_session() as session:
            await session.execute(select(1))

    @asynccontextmanager
    async def _connect(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        """Yield a connection from the pool.

        SQLAlchemy's own context manager is not used, because it starts a new task to close the
        connection, and starting a task takes time.
        """
        async with self._limit, aclosing(await engine.connect()) as connection:
            yield connection
