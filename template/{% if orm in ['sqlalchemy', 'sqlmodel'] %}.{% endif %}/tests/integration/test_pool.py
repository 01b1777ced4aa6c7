"""A test of why `ConnectionLimit` exists, which uses SQLAlchemy's connection pool alone.

If the test fails, SQLAlchemy serves waiting tasks first: check whether `ConnectionLimit` can go.
"""

import asyncio

import pytest

from app.config import Settings
from app.core.database.engine import create_engine


@pytest.mark.error_path
async def test_sqlalchemy_serves_a_new_task_before_a_waiting_task(settings: Settings) -> None:
    changes = {"db_pool_size": 1, "db_max_overflow": 0}
    engine = create_engine(settings.model_copy(update=changes))
    try:
        first = await engine.connect()
        waiting = asyncio.ensure_future(engine.connect().start())
        await asyncio.sleep(0.05)
        await first.close()
        async with asyncio.timeout(5):
            second = await engine.connect()

        assert not waiting.done()

        await second.close()
        await (await waiting).close()
    finally:
        await engine.dispose()
