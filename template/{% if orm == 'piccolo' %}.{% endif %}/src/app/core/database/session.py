"""The database session, which runs queries on one connection."""

from collections.abc import Awaitable
from typing import Any

from app.core.database.engine import Connection, bind, engine


class Session:
    """Runs queries on one database connection: `await session.run(Item.count())`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transaction = bind(connection)

    async def run[Result](self, query: Awaitable[Result]) -> Result:
        """Run a query on this session's connection, even if other sessions are open."""
        token = engine.current_transaction.set(self._transaction)
        try:
            return await query
        finally:
            engine.current_transaction.reset(token)

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        """Execute SQL with values for its parameters `$1`, `$2` and so on, and return the rows."""
        return await self._connection.fetch(sql, *values)
