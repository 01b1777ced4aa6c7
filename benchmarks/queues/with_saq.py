# /// script
# requires-python = ">=3.12"
# dependencies = ["saq[redis]==0.26.4", "typing-extensions"]
# ///
"""Adapter for saq. saq imports `typing_extensions`, but does not declare that dependency."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from interface import ATTEMPTS, EXTENDED, GRACE, REDIS_URL, RETRY, TIMEOUT, Failed, main
from jobs import JOBS, REQUEST_ID
from redis.asyncio import Redis
from saq import CronJob, Queue, Status, Worker

DAY = 24 * 60 * 60


def declare(name: str) -> Callable[..., Awaitable[None]]:
    async def run(context: dict[str, Any], **kwargs: Any) -> None:
        REQUEST_ID.set(context["job"].meta.get("request_id"))
        await JOBS[name](**kwargs)

    run.__qualname__ = name
    return run


# --- Extended variant ---


async def do_not_count_unknown_jobs(context: dict[str, Any]) -> None:
    """Do not count the attempt if this worker does not know the job."""
    if context["job"].function not in context["worker"].functions:
        context["job"].attempts -= 1


def extend(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def run(context: dict[str, Any], **kwargs: Any) -> None:
        job, worker = context["job"], context["worker"]
        done = f"done:{job.key}"
        if job.meta.get("key") and await worker.queue.redis.exists(done):
            job.ttl = 600
            return
        try:
            await function(context, **kwargs)
        except asyncio.CancelledError:
            # If a stopping worker interrupts an attempt, the attempt does not count.
            job.attempts -= worker.event.is_set()
            raise
        # The record of a successful job expires. A failed job keeps a ttl of 0 and never expires.
        job.ttl = 600
        if job.meta.get("key"):
            await worker.queue.redis.set(done, "", ex=DAY)

    run.__qualname__ = function.__qualname__
    return run


class SaqQueue:
    def work(self, names: list[str]) -> None:
        functions = {name: declare(name) for name in names}
        if EXTENDED:
            functions = {name: extend(function) for name, function in functions.items()}
        tick = functions.pop("tick", None)

        async def run() -> None:
            queue = Queue.from_url(REDIS_URL)
            await queue.connect()
            if EXTENDED:
                # Delay the first sweep, which would treat jobs that have just started as abandoned.
                await queue.redis.set("saq:default:sweep", "", ex=2)
            worker = Worker(
                queue,
                functions=list(functions.items()),
                cron_jobs=[CronJob(tick, "* * * * *")] if tick else [],
                timers={"sweep": 1},
                # With a timeout of 0, an idle worker would stop only when its grace period ends.
                dequeue_timeout=1,
                shutdown_grace_period_s=GRACE,
                before_process=do_not_count_unknown_jobs if EXTENDED else None,
            )
            await worker.start()
            await queue.disconnect()

        asyncio.run(run())

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        self.queue = Queue.from_url(REDIS_URL)
        await self.queue.connect()
        yield
        await self.queue.disconnect()

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        await self.queue.enqueue(
            name,
            kwargs=kwargs,
            meta={"request_id": request_id, "key": key},
            # saq also uses `timeout` as the visibility timeout.
            timeout=TIMEOUT,
            retries=ATTEMPTS,
            retry_delay=RETRY,
            retry_backoff=True,
            **({"key": key} if key else {}),
            **({"ttl": 0} if EXTENDED else {}),
        )

    async def failed(self) -> list[Failed]:
        return [
            Failed(id=job.key, name=job.function, kwargs=job.kwargs or {}, error=job.error or "")
            async for job in self.queue.iter_jobs([Status.FAILED, Status.ABORTED])
        ]

    async def retry(self, job_id: str) -> None:
        job = await self.queue.job(job_id)
        job.attempts = 0
        await self.queue.enqueue(job)

    async def put_garbage(self) -> None:
        async with Redis.from_url(REDIS_URL) as redis:
            await redis.set("saq:job:default:garbage", b"\xff")
            await redis.rpush("saq:default:queued", "saq:job:default:garbage")


if __name__ == "__main__":
    main(SaqQueue())
