"""The database as tests see it: each in a transaction of its own that is rolled back."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker

from app.config import Settings
from app.core.database import Database, Session
from app.core.engine import create_engine


class RolledBackDatabase(Database):
    """Sessions on one connection, whose commits only release savepoints."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._transactions = self._reads = async_sessionmaker(
            connection,
            class_=Session,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        )


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
async def database(engine: AsyncEngine) -> AsyncGenerator[Database]:
    async with engine.connect() as connection, connection.begin() as transaction:
        yield RolledBackDatabase(connection)
        await transaction.rollback()


async def execute(session: Session, statement: str) -> None:
    """Run a statement as it is written, in the session's transaction."""
    await (await session.connection()).execute(text(statement))
