"""Fixtures for the test database. Each test runs in a transaction that is rolled back."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.core.database import Database, Session
from app.core.database.engine import TRANSACTIONS, create_engine
from app.core.database.session import ReadOnlySession
from app.core.database.unit import UnitsOfWork


class RolledBackDatabase(Database):
    """A database whose sessions share one connection and use savepoints as transactions."""

    def __init__(self, connection: AsyncConnection) -> None:
        UnitsOfWork.__init__(self)
        self._connection = connection

    @asynccontextmanager
    async def writing_session(self) -> AsyncGenerator[Session]:
        async with self._connection.begin_nested():
            yield Session(self._connection)

    @asynccontextmanager
    async def reading_session(self) -> AsyncGenerator[Session]:
        yield ReadOnlySession(self._connection)


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(settings)
    yield engine.execution_options(isolation_level=TRANSACTIONS)
    await engine.dispose()


@pytest.fixture
async def database(engine: AsyncEngine) -> AsyncGenerator[Database]:
    async with engine.connect() as connection, connection.begin() as transaction:
        yield RolledBackDatabase(connection)
        await transaction.rollback()


async def execute(session: Session, statement: str) -> None:
    """Execute an SQL statement in the session's transaction."""
    await session.execute(text(statement))
