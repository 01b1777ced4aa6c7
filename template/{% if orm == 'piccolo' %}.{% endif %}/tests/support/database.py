"""The database as tests see it: each in a transaction of its own that is rolled back."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.config import Settings
from app.core.database import Database, Session
from app.core.database.engine import Connection, Connections
from app.features.items.models import Item


class OneConnection(Connections):
    """One connection for all, in a transaction: those within it only set savepoints."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[Connection]:
        yield self._connection


@pytest.fixture(scope="session")
async def connection(settings: Settings) -> AsyncGenerator[Connection]:
    async with Connections.open(settings) as connections, connections.take() as connection:
        yield connection


@pytest.fixture
async def database(connection: Connection) -> AsyncGenerator[Database]:
    with pytest.raises(RolledBack):
        async with connection.transaction():
            yield Database(OneConnection(connection))
            raise RolledBack


class RolledBack(Exception):  # noqa: N818
    """Ends a test's transaction."""


async def execute(session: Session, statement: str) -> None:
    """Run a statement as it is written, in the session's transaction."""
    await session.run(Item.raw(statement))
