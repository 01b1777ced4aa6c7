"""Adapter for a generated service's queue. It runs in the service's Python environment."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from app.config import Settings, example_settings
from app.core import jobs as app_jobs
from app.core.jobs import Job, JobContext, job, runner
from app.core.jobs.broker import STREAM, JobBroker, WorkerTimeouts
from app.core.jobs.failed import FailedJobs
from app.core.jobs.schedule import scheduled
from app.core.logging import configure_logging
from app.core.redis.server import RedisServer
from app.worker import stop_signal, work
from interface import ATTEMPTS, GRACE, REDIS_URL, RETRY, TIMEOUT, VISIBILITY, Failed, main
from jobs import JOBS, REQUEST_ID, TRACE

runner.ATTEMPTS = ATTEMPTS
app_jobs.TIMEOUT = TIMEOUT


def declare(name: str) -> Job[...]:
    async def run(_context: JobContext, **kwargs: Any) -> None:
        REQUEST_ID.set(structlog.contextvars.get_contextvars().get("request_id"))
        await JOBS[name](**kwargs)

    run.__name__ = name
    return scheduled("* * * * *")(run) if name == "tick" else job(run)


DECLARED = {name: declare(name) for name in JOBS}


def settings() -> Settings:
    database = TRACE.with_suffix(".db")
    return example_settings(redis_url=REDIS_URL, database_url=f"sqlite:///{database}")


class TemplateQueue:
    def work(self, names: list[str]) -> None:
        timeouts = WorkerTimeouts(
            visibility=VISIBILITY, retry=RETRY, unknown_job=RETRY, grace=GRACE
        )
        known = [DECLARED[name] for name in names]
        configure_logging(settings())

        async def run() -> None:
            await work(settings(), known, timeouts, stop_signal())

        asyncio.run(run())

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        async with RedisServer.connect(settings()) as self.redis:
            self.broker = JobBroker(self.redis)
            self.given_up = FailedJobs(self.redis)
            yield

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.broker.put(DECLARED[name], key, (), kwargs)

    async def failed(self) -> list[Failed]:
        return [
            Failed(
                id=kept["id"],
                name=kept["name"] and kept["name"].rpartition(":")[2],
                kwargs=kept["kwargs"],
                error=kept["error"],
            )
            for kept in await self.given_up.all()
        ]

    async def retry(self, job_id: str) -> None:
        await self.given_up.retry(job_id)

    async def put_garbage(self) -> None:
        with self.redis.use() as redis:
            await redis.xadd(STREAM, {"data": b"\xff"})


if __name__ == "__main__":
    main(TemplateQueue())
