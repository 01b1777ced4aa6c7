"""The session: a connection of the pool, on which statements run.

It is not SQLAlchemy's `Session`, which tracks every entity. A request that reads or writes a few
rows does not need that, and it takes more CPU time than their queries. For relationships, open
`AsyncSession(session.connection)`, and flush it before the unit of work ends.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.engine import SchemaChangedError


class Session:
    """Runs statements: `await session.execute(select(Item.id))`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        return await self.connection.execute(statement, parameters)


class ReadOnlySession(Session):
    """What a safe request gets: writing in it is a mistake of ours, and fails loudly."""

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        if not statement.is_select:
            raise RuntimeError("a request that only reads tried to write")
        try:
            return await super().execute(statement, parameters)
        except SchemaChangedError:  # Reading again is safe, as no transaction is lost.
            return await super().execute(statement, parameters)
