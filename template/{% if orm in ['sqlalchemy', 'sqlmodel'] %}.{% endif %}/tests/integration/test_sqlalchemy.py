"""Tests that SQLAlchemy has the limits for which `app.core.database` does not use its functions.

If SQLAlchemy removes a limit, a test in this file fails. Then check whether the function of
SQLAlchemy can replace the code in `app.core.database`.
"""

import asyncio
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine


async def test_the_context_manager_of_a_connection_closes_it_in_another_task(
    engine: AsyncEngine,
) -> None:
    """`sessions._connection` closes a connection in the current task instead."""
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
