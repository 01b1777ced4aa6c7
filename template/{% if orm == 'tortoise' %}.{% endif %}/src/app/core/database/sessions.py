"""The `Database` class, which opens sessions and manages their transactions."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from app.config import Settings
from app.core.database.engine import Connection, Connections, SchemaChangedError
from app.core.database.session import CONFIG, Session
from app.core.database.unit import UnitsOfWork


class ReadOnlyConnection(Connection):
    """A connection that raises `RuntimeError` for every statement except SELECT."""

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        return await self._select(super().execute_query, query, values)

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> Any:
        return await self._select(super().execute_query_dict, query, values)

    async def _select(
        self, execute: Callable[..., Awaitable[Any]], query: str, values: list[Any] | None
    ) -> Any:
        if not query.startswith("SELECT"):
            await self._refuse()
        try:
            return await execute(query, values)
        except SchemaChangedError:  # A SELECT outside of a transaction can safely be repeated.
            return await execute(query, values)

    async def _refuse(self, *_args: Any, **_options: Any) -> None:
        raise RuntimeError("A read-only unit of work cannot execute a statement that writes.")

    execute_insert = execute_many = execute_script = _refuse


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
            # `init` resolves the relations between models and sets the SQL dialect of queries.
            with (session := Session(connections)):
                await session.init(CONFIG)
            yield cls(connections)

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._connections.take() as connection, connection.in_transaction():
            with (session := Session(connection)):
                yield session

    @asynccontextmanager
    async def reading_session(self) -> AsyncGenerator[Session]:
        async with self._connections.take() as connection:
            with (session := Session(ReadOnlyConnection(connection))):
                yield session

    async def ping(self) -> None:
        async with self._connections.take() as connection:
            await connection.execute_query("SELECT 1")
