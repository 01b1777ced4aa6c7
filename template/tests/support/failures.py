"""Databases that fail."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from app.core.database import Database, Session


class FailingCommit(Database):
    """A database whose commits fail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._database.writing_session() as session:
            yield session
            raise ConnectionResetError("while committing")

    def reading_session(self) -> AbstractAsyncContextManager[Session]:
        return self._database.reading_session()
