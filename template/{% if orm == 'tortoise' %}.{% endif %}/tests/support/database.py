"""The database as tests see it: each in a transaction of its own that is rolled back."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.config import Settings
from app.core.database import Database, Session
from app.core.database.engine import Connection, Connections


class OneConnection(Connections):
    """One connection for all, in a transaction: those within it only set savepoints."""

    def __init__(self, connection: Connection) -> None:
        self._only = connection

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[Connection]:
        yield self._only


@pytest.fixture(scope="session")
async def connection(settings: Settings) -> AsyncGenerator[Connection]:
    async with Database.connect(settings) as database, database._connections.take() as connection:
        yield connection


@pytest.fixture
async def database(connection: Connection) -> AsyncGenerator[Database]:
    with pytest.raises(RolledBack):
        async with connection.in_transaction():
            yield Database(OneConnection(connection))
            raise RolledBack


class RolledBack(Exception):  # noqa: N818
    """Ends a test's transaction."""


async def execute(session: Session, statement: str) -> None:
    """Run a statement as it is written, in the session's transaction."""
    await session.client.execute_query(statement)
