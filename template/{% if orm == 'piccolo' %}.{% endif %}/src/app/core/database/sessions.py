"""The database: creates sessions, and begins, commits and rolls back their transactions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self

from app.config import Settings
from app.core.database.engine import Connection, Connections, SchemaChangedError
from app.core.database.session import Session
from app.core.database.unit import UnitsOfWork


class ReadOnlyConnection(Connection):
    """The connection of a session that only reads. Writing raises `RuntimeError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        if not statement.startswith("SELECT"):
            raise RuntimeError("a request that only reads tried to write")
        try:
            return await self._connection.fetch(statement, *values)
        except SchemaChangedError:  # Repeating a read is safe: no transaction is open.
            return await self._connection.fetch(statement, *values)


class Database(UnitsOfWork):
    """The connection pool, which provides writing and reading sessions."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncGenerator[Self]:
        """Yield a database, and close it at the end. Connections are opened when needed."""
        async with Connections.open(settings) as connections:
            yield cls(connections)

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._connections.take() as connection, connection.transaction():
            yield Session(connection)

    @asynccontextmanager
    async def reading_session(self) -> AsyncGenerator[Session]:
        async with self._connections.take() as connection:
            yield Session(ReadOnlyConnection(connection))

    async def ping(self) -> None:
        async with self._connections.take() as connection:
            await connection.fetch("SELECT 1")
