"""Test jobs. They record each run in the file TRACE, not in Redis, because tests stop Redis."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

TRACE = Path(os.environ.get("TRACE", os.devnull))

REQUEST_ID = ContextVar[str | None]("REQUEST_ID", default=None)
"""Request id of the running job. The adapter sets this variable."""


def read_trace(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def note(text: str) -> None:
    _write("note", text=text, request_id=REQUEST_ID.get())


async def nap(seconds: float) -> None:
    _write("began")
    await asyncio.sleep(seconds)
    _write("ended")


async def hang(times: int) -> None:
    """Hang in the first `times` attempts, and end at once in later attempts."""
    _write("began")
    if _count("began") <= times:
        await asyncio.sleep(60)
    _write("ended")


async def fail(times: int, seconds: float, text: str) -> None:
    """Wait for `seconds`, and raise an exception in the first `times` attempts."""
    _write("began", text=text)
    failing = _count("began") <= times
    await asyncio.sleep(seconds)
    if failing:
        raise RuntimeError("out of paper")
    _write("ended", text=text)


async def die() -> None:
    """Kill the worker process with SIGKILL, as the kernel does when memory runs out."""
    _write("began")
    os.kill(os.getpid(), signal.SIGKILL)


async def tick() -> None:
    _write("tick")


JOBS: dict[str, Callable[..., Awaitable[None]]] = {
    job.__name__: job for job in (note, nap, hang, fail, die, tick)
}


def _write(event: str, **values: Any) -> None:
    line = {"event": event, "pid": os.getpid(), "time": time.time(), **values}
    with TRACE.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _count(event: str) -> int:
    return sum(line["event"] == event for line in read_trace(TRACE))
