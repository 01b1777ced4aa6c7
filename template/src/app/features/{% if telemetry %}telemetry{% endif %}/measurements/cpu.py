"""Measures the CPU time of several worker processes.

The Prometheus client library reads the CPU time of a process from `/proc`. With several worker
processes, the sum of these values would decrease when a process ends, but a counter must not
decrease. The values of this counter are stored in a shared folder, where they remain after a
process ends.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from prometheus_client import Counter

from app.resources import Resources

INTERVAL = 1.0
"""Seconds between two measurements."""

# Without a registry, the counter is exported only if several processes use a shared folder.
CPU = Counter(
    "process_cpu_seconds", "Total user and system CPU time spent in seconds.", registry=None
)


def start(_resources: Resources) -> Coroutine[Any, Any, None]:
    return _measure()


async def _measure() -> None:
    counted = 0.0
    while True:
        used = time.process_time()
        CPU.inc(used - counted)
        counted = used
        await asyncio.sleep(INTERVAL)
