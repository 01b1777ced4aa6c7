"""Fixtures for the test database. Each test runs in a transaction that is rolled back."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.config import Settings
from app.core.database import Database, Session
from app.core.database.engine import Connection, Connections


class SingleConnection(Connections):
    """A pool whose only connection is in a transaction, so inner transactions are savepoints."""

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
            yield Database(SingleConnection(connection))
            raise RolledBack


class RolledBack(Exception):  # noqa: N818
    """Raised at the end of a test to roll back the test's transaction."""


async def execute(session: Session, statement: str) -> None:
    """Execute an SQL statement in the session's transaction."""
    await session.client.execute_query(statement)
