"""Sessions: how a transaction begins, ends and fails."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Self

from app.config import Settings
from app.core.engine import Connection, Connections, SchemaChangedError, bind, engine


class Session:
    """A connection, on which queries run: `await session.run(Item.count())`."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = bind(connection)

    async def run[Result](self, query: Awaitable[Result]) -> Result:
        """Explicit, so that of two open sessions a query never gets the wrong one."""
        token = engine.current_transaction.set(self._transaction)
        try:
            return await query
        finally:
            engine.current_transaction.reset(token)


class ReadOnlyConnection(Connection):
    """What a safe request gets: writing in it is a mistake of ours, and fails loudly."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        if not statement.startswith("SELECT"):
            raise RuntimeError("a request that only reads tried to write")
        try:
            return await self._connection.fetch(statement, *values)
        except SchemaChangedError:  # Reading again is safe, as no transaction is lost.
            return await self._connection.fetch(statement, *values)


class Database:
    """The connections, and the two ways to work with them."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncGenerator[Self]:
        """A database for as long as the context lasts; connections are opened when needed."""
        async with Connections.open(settings) as connections:
            yield cls(connections)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Session]:
        """Commit at the end, roll back on any error.

        Raises `ServiceUnavailableError` where the database is away or every connection is taken.
        """
        async with self._connections.take() as connection, connection.transaction():
            yield Session(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Session]:
        """Every statement by itself, without a transaction; raises like `transaction`."""
        async with self._connections.take() as connection:
            yield Session(ReadOnlyConnection(connection))

    async def ping(self) -> None:
        async with self._connections.take() as connection:
            await connection.fetch("SELECT 1")
