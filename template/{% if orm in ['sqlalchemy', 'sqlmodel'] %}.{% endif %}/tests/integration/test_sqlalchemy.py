"""Tests of SQLAlchemy limitations for which `app.core.database` contains workarounds.

If a test fails because a new version of SQLAlchemy no longer has the limitation, check whether the
workaround is still needed.
"""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.core.database.engine import create_engine


async def test_the_context_manager_of_a_connection_closes_it_in_another_task(
    engine: AsyncEngine,
) -> None:
    """SQLAlchemy closes a connection in a new task. `Database` closes it in the current task."""
    tasks: list[asyncio.Task[Any] | None] = []

    def record_task(*_arguments: object) -> None:
        tasks.append(asyncio.current_task())

    event.listen(engine.sync_engine, "checkin", record_task)
    try:
        async with engine.connect() as connection:
            await connection.execute(select(1))
    finally:
        event.remove(engine.sync_engine, "checkin", record_task)

    assert tasks
    assert asyncio.current_task() not in tasks


@pytest.mark.error_path
async def test_sqlalchemy_serves_a_new_task_before_a_waiting_task(settings: Settings) -> None:
    """Unlike SQLAlchemy's pool, `ConnectionLimit` serves waiting tasks in order of arrival."""
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
