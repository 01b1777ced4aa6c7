"""Fake databases that raise errors, for tests of error handling."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.database import Database, Session
from app.core.database.unit import UnitsOfWork
from app.core.errors import ServiceUnavailableError


class FailingCommit(Database):
    """A database that raises an error instead of committing."""

    def __init__(self, database: Database, error: type[Exception] = ConnectionResetError) -> None:
        UnitsOfWork.__init__(self)
        self._database = database
        self._error = error

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._database.writing_session() as session:
            yield session
            raise self._error("The commit failed.")

    @asynccontextmanager
    async def reading_session(self) -> AsyncGenerator[Session]:
        async with self._database.reading_session() as session:
            yield session


class UnavailableDatabase(Database):
    """An unavailable database, in which every operation raises an error after `seconds` seconds."""

    def __init__(self, seconds: float = 0) -> None:
        UnitsOfWork.__init__(self)
        self._seconds = seconds

    async def ping(self) -> None:
        await asyncio.sleep(self._seconds)
        raise ServiceUnavailableError("The database is unavailable. Try again in a few seconds.")

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        await self.ping()
        yield  # type: ignore[misc]

    reading_session = writing_session
