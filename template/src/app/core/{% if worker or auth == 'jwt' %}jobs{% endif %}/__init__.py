"""Jobs: what a request sets off and does not wait for.

A job is an async function in a feature's `jobs` module. Its arguments come by value, and maybe
much later: it takes ids, and loads what it needs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar, Concatenate

from pydantic import ConfigDict, validate_call

from app.config import Settings
from app.core.database import Database
from app.core.logging import get_logger

logger = get_logger(__name__)

TIMEOUT = 60.0
"""Seconds after which an attempt is cut off."""


@dataclass(frozen=True)
class JobContext:
    """What a job may use of the application."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    settings: Settings
    database: Database


class Job[**Parameters]:
    """A function that can be enqueued."""

    def __init__(
        self, function: Callable[Concatenate[JobContext, Parameters], Awaitable[None]]
    ) -> None:
        self.name = f"{function.__module__}:{function.__name__}"
        self._run = validate_call(function)

    async def attempt(
        self, context: JobContext, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Exception | None:
        """Run the job once and log the outcome. Returns the error if the attempt failed."""
        started = perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._run(context, *args, **kwargs)
        except Exception as exc:
            duration = _milliseconds_since(started)
            logger.exception("job_failed", job=self.name, duration_ms=duration)
            return exc
        logger.info("job_completed", job=self.name, duration_ms=_milliseconds_since(started))
        return None


def job[**Parameters](
    function: Callable[Concatenate[JobContext, Parameters], Awaitable[None]],
) -> Job[Parameters]:
    """Declare a job: `jobs.enqueue(unit, function, …)` takes its arguments, without the context."""
    return Job(function)


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)
