"""Measures the event loop lag: how much later than scheduled a task resumes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from prometheus_client import Gauge

from app.resources import Resources

INTERVAL = 1.0
"""Seconds between two measurements."""

LAG = Gauge(
    "event_loop_lag_seconds",
    "Lag of the event loop, measured every second; with several processes, the largest lag.",
    multiprocess_mode="livemax",
)


def start(_resources: Resources) -> Coroutine[Any, Any, None]:
    return _measure()


async def _measure() -> None:
    loop = asyncio.get_running_loop()
    while True:
        scheduled = loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        LAG.set(max(0.0, loop.time() - scheduled))
