"""The session: a connection on which queries run."""

from collections.abc import Awaitable

from app.core.database.engine import Connection, bind, engine


class Session:
    """A connection on which queries run: `await session.run(Item.count())`."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = bind(connection)

    async def run[Result](self, query: Awaitable[Result]) -> Result:
        """Run a query on this session's connection, even if other sessions are open."""
        token = engine.current_transaction.set(self._transaction)
        try:
            return await query
        finally:
            engine.current_transaction.reset(token)
