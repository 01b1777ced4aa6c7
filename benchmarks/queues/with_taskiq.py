# /// script
# requires-python = ">=3.12"
# dependencies = ["taskiq-redis==1.2.4", "taskiq==0.13.0"]
# ///
"""Adapter for taskiq with the stream broker of taskiq-redis.

This adapter has no extended variant, because the queue of a generated service extends taskiq.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from interface import ATTEMPTS, GRACE, REDIS_URL, RETRY, TIMEOUT, VISIBILITY, Failed, main
from jobs import JOBS, REQUEST_ID
from redis.asyncio import Redis
from taskiq import (
    SmartRetryMiddleware,
    TaskiqEvents,
    TaskiqMessage,
    TaskiqMiddleware,
    TaskiqScheduler,
    TaskiqState,
)
from taskiq.api import run_scheduler_task
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import run_worker
from taskiq.kicker import AsyncKicker
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import ListRedisScheduleSource, RedisAsyncResultBackend, RedisStreamBroker

RESULTS = "result"


class RequestId(TaskiqMiddleware):
    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        REQUEST_ID.set(message.labels.get("request_id"))
        return message


later = ListRedisScheduleSource(REDIS_URL)
broker = (
    RedisStreamBroker(
        REDIS_URL,
        # The id "$" would skip messages that were enqueued before the first worker started.
        consumer_id="0",
        idle_timeout=VISIBILITY * 1000,
        unacknowledged_lock_timeout=VISIBILITY,
        xread_block=500,
    )
    .with_result_backend(RedisAsyncResultBackend(REDIS_URL, prefix_str=RESULTS))
    .with_middlewares(
        SmartRetryMiddleware(
            default_retry_count=ATTEMPTS,
            default_retry_label=True,
            default_delay=RETRY,
            use_delay_exponent=True,
            schedule_source=later,
        ),
        RequestId(),
    )
)
known = os.environ.get("KNOWN", "").split()
for name in known:
    schedule = {"schedule": [{"cron": "* * * * *"}]} if name == "tick" else {}
    broker.register_task(JOBS[name], task_name=name, timeout=TIMEOUT, **schedule)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start_scheduler(state: TaskiqState) -> None:
    scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker), later])
    state.scheduling = asyncio.create_task(
        run_scheduler_task(scheduler, interval=timedelta(seconds=1))
    )


class TaskiqQueue:
    def work(self, names: list[str]) -> None:
        os.environ["KNOWN"] = " ".join(names)
        arguments = ["with_taskiq:broker", "--workers", "1", "--wait-tasks-timeout", str(GRACE)]
        arguments += ["--app-dir", str(Path(__file__).parent)]
        sys.exit(run_worker(WorkerArgs.from_cli(arguments)))

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        await broker.startup()
        yield
        await broker.shutdown()

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        kicker = AsyncKicker[Any, Any](name, broker, {"request_id": request_id, "timeout": TIMEOUT})
        await (kicker.with_task_id(key) if key else kicker).kiq(**kwargs)

    async def failed(self) -> list[Failed]:
        """Return failed jobs. taskiq's results contain no names and arguments of jobs."""
        failed = []
        async with Redis.from_url(REDIS_URL) as redis:
            async for key in redis.scan_iter(f"{RESULTS}:*"):
                task_id = key.decode().removeprefix(f"{RESULTS}:")
                result = await broker.result_backend.get_result(task_id)
                if result.is_err:
                    failed.append(Failed(id=task_id, name="", kwargs={}, error=repr(result.error)))
        return failed

    async def retry(self, job_id: str) -> None:
        raise NotImplementedError

    async def put_garbage(self) -> None:
        async with Redis.from_url(REDIS_URL) as redis:
            await redis.xadd(broker.queue_name, {"data": b"\xff"})


if __name__ == "__main__":
    main(TaskiqQueue())
