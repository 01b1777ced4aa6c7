# /// script
# requires-python = ">=3.12"
# dependencies = ["pydocket==0.27.0"]
# ///
"""Adapter for pydocket."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from docket import (
    CurrentExecution,
    Disposition,
    Docket,
    Execution,
    ExponentialRetry,
    Retry,
    Timeout,
    Worker,
)
from docket.dependencies import Cron, TaskOutcome, current_docket
from docket.execution import ExecutionState
from interface import ATTEMPTS, EXTENDED, GRACE, REDIS_URL, RETRY, TIMEOUT, VISIBILITY, Failed, main
from jobs import JOBS, REQUEST_ID
from opentelemetry import baggage, context

DAY = 24 * 60 * 60
DELAY = timedelta(seconds=RETRY)

type Function = Callable[..., Awaitable[None]]


def declare(name: str, function: Function) -> Function:
    policy = KeepFailed(ATTEMPTS, DELAY) if EXTENDED else ExponentialRetry(ATTEMPTS, DELAY)

    async def run(
        *,
        retry: Retry = policy,  # noqa: ARG001 - pydocket reads it
        timeout: Timeout = Timeout(timedelta(seconds=TIMEOUT)),  # noqa: ARG001, B008
        execution: Execution = CurrentExecution(),  # noqa: B008
        **kwargs: Any,
    ) -> None:
        REQUEST_ID.set(baggage.get_baggage("request_id", execution.trace_context))
        await (extend(execution, function) if EXTENDED else function)(**kwargs)

    async def run_scheduled(cron: Cron = Cron("* * * * *")) -> None:  # noqa: ARG001, B008
        await function()

    declared = run_scheduled if name == "tick" else run
    declared.__name__ = name
    return declared


# --- Extended variant ---


class KeepFailed(ExponentialRetry):
    """Retry policy that stores a job in Redis when the job is given up."""

    async def __aenter__(self) -> Retry:
        retry = await super().__aenter__()
        kept = KeepFailed(retry.attempts, retry.delay)
        kept.attempt = retry.attempt
        return kept

    async def handle_failure(self, execution: Execution, outcome: TaskOutcome) -> bool:
        killed = isinstance(outcome.exception, KilledError)
        if not killed and await super().handle_failure(execution, outcome):
            return True
        job = {"id": execution.key, "name": execution.function_name, "kwargs": execution.kwargs}
        async with current_docket.get().redis() as redis:
            kept = json.dumps(job | {"error": repr(outcome.exception)})
            await redis.hset("failed", execution.key, kept)
        return False


class KilledError(Exception):
    """Raised if the worker was killed during the last attempt to run a job."""


def extend(execution: Execution, function: Function) -> Function:
    """Wrap a job, so that it runs only once for each key, and is given up if it kills workers."""

    async def run(**kwargs: Any) -> None:
        done, started = f"done:{execution.key}", f"started:{execution.key}"
        async with current_docket.get().redis() as redis:
            if await redis.exists(done):
                return
            if await redis.incr(started) > ATTEMPTS:
                raise KilledError
            try:
                await function(**kwargs)
            except asyncio.CancelledError:
                await redis.decr(started)
                raise
            await redis.set(done, "", ex=DAY)
            await redis.delete(started)

    return run


async def unknown(
    *_: Any,
    retry: Retry = Retry.forever(DELAY),  # noqa: ARG001, B008
    **__: Any,
) -> None:
    """Raise an error for an unknown job, so that pydocket retries it until a worker knows it."""
    raise LookupError


class DocketQueue:
    def work(self, names: list[str]) -> None:
        async def run() -> None:
            async with Docket(url=REDIS_URL) as docket:
                for name in names:
                    docket.register(declare(name, JOBS[name]))
                async with Worker(
                    docket,
                    redelivery_timeout=timedelta(seconds=VISIBILITY),
                    reconnection_delay=timedelta(seconds=1),
                    fallback_task=unknown if EXTENDED else None,
                ) as worker:
                    await self._run_until_sigterm(worker)

        asyncio.run(run())

    async def _run_until_sigterm(self, worker: Worker) -> None:
        """Run the worker until SIGTERM, as `Worker.run` does.

        The extended variant also cancels jobs that run longer than the graceful shutdown timeout.
        """
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(worker.run_forever())

        def stop() -> None:
            running.cancel()
            if EXTENDED:
                loop.call_later(GRACE, running.cancel)

        loop.add_signal_handler(signal.SIGTERM, stop)
        await asyncio.wait([running])

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        async with Docket(url=REDIS_URL) as self.docket:
            for name, function in JOBS.items():
                self.docket.register(declare(name, function))
            yield

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        if request_id:
            context.attach(baggage.set_baggage("request_id", request_id))
        await self.docket.add(name, key=key)(**kwargs)

    async def failed(self) -> list[Failed]:
        async with self.docket.redis() as redis:
            if EXTENDED:
                return [json.loads(value) for value in await redis.hvals("failed")]
            prefix = self.docket.runs_key("")
            keys = [
                key.decode().removeprefix(prefix) async for key in redis.scan_iter(f"{prefix}*")
            ]
        executions = [await self.docket.get_execution(key) for key in keys]
        return [
            Failed(id=each.key, name=each.function_name, kwargs=each.kwargs, error=each.error or "")
            for each in executions
            if each and each.state == ExecutionState.FAILED
        ]

    async def retry(self, job_id: str) -> None:
        async with self.docket.redis() as redis:
            kept = json.loads(await redis.hget("failed", job_id) or "{}")
            await redis.delete(f"started:{job_id}")
            await redis.hdel("failed", job_id)
            add = self.docket.add(kept["name"], key=job_id)
            # The stored job may still be in the state "running", so try until the state changes.
            while (await add(**kept["kwargs"])).disposition is Disposition.ALREADY_SCHEDULED:
                await asyncio.sleep(0.1)

    async def put_garbage(self) -> None:
        async with self.docket.redis() as redis:
            fields = {"key": "garbage", "when": "2026-01-01T00:00:00+00:00", "function": "note"}
            broken = {"args": b"\xff", "kwargs": b"\xff", "attempt": "1", "generation": "0"}
            await redis.xadd(self.docket.stream_key, fields | broken)


if __name__ == "__main__":
    main(DocketQueue())
