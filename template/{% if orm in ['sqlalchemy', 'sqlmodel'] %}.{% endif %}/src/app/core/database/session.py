"""The database session, which executes statements on one connection of the pool.

SQLAlchemy's `Session` is not used, because in a request that reads or writes a few rows, tracking
entities takes more CPU time than the queries. To use relationships, open SQLAlchemy's
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
        except SchemaChangedError:  # A SELECT outside of a transaction can safely be repeated.
            return await super().execute(statement, parameters)
