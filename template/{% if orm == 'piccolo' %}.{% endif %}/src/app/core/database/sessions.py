"""The `Database` class, which opens sessions and manages their transactions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self

from app.config import Settings
from app.core.database.engine import Connection, Connections, SchemaChangedError
from app.core.database.session import Session
from app.core.database.unit import UnitsOfWork


class ReadOnlyConnection(Connection):
    """A connection that raises `RuntimeError` for every statement except SELECT."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        if not statement.startswith("SELECT"):
            raise RuntimeError("A read-only unit of work cannot execute a statement that writes.")
        try:
            return await self._connection.fetch(statement, *values)
        except SchemaChangedError:  # A SELECT outside of a transaction can safely be repeated.
            return await self._connection.fetch(statement, *values)


class Database(UnitsOfWork):
    """A connection pool that provides sessions for reading and for writing."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncGenerator[Self]:
        """Yield a `Database` that opens connections on demand. Close the connections on exit."""
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
