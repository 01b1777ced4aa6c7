"""The database session, which executes statements on one connection of the pool.

The service does not use SQLAlchemy's `Session`, because tracking entities takes more CPU time than
the queries if a request reads or writes only a few rows. To use relationships, open SQLAlchemy's
`AsyncSession(session.connection)`, and flush this `AsyncSession` before the unit of work ends.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.engine import SchemaChangedError


class Session:
    """Executes statements: `await session.execute(select(Item.id))`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        return await self.connection.execute(statement, parameters)


class ReadOnlySession(Session):
    """A session that raises `RuntimeError` for every statement except SELECT."""

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        if not statement.is_select:
            raise RuntimeError("A read-only unit of work cannot execute a statement that writes.")
        try:
            return await super().execute(statement, parameters)
        except SchemaChangedError:  # A SELECT outside a transaction is safe to repeat.
            return await super().execute(statement, parameters)
