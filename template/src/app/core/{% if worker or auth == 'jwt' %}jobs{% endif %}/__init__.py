"""Background jobs: work that a request starts without waiting for the result.

A job is an async function in a feature's `jobs` module. A job may run long after the request, so it
should take row ids as arguments and load the rows itself.
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
"""Timeout of one attempt to run a job, in seconds."""


@dataclass(frozen=True)
class JobContext:
    """The first argument of every job: the settings and the database."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    settings: Settings
    database: Database


class Job[**Parameters]:
    """An async function that can be enqueued as a background job. `name` identifies the job."""

    def __init__(
        self, function: Callable[Concatenate[JobContext, Parameters], Awaitable[None]]
    ) -> None:
        self.name = f"{function.__module__}:{function.__name__}"
        self._run = validate_call(function)

    async def attempt(
        self, context: JobContext, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Exception | None:
        """Run the job once and log the result. Return the error, or None if the job succeeded."""
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


job = Job
"""Decorator that declares an async function as a background job.

To enqueue a job, call `jobs.enqueue(unit, function, …)` with all arguments of the job function
except the `JobContext`.
"""


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)
