# /// script
# requires-python = ">=3.12"
# dependencies = ["streaq==7.2.0"]
# ///
"""streaq."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from interface import ATTEMPTS, EXTENDED, GRACE, REDIS_URL, RETRY, VISIBILITY, Failed, main
from jobs import JOBS, REQUEST_ID
from streaq import StreaqRetry, TaskStatus, Worker

DAY = 24 * 60 * 60

type Function = Callable[..., Awaitable[None]]


def dump(value: Any) -> str:
    """Results hold exceptions."""
    return json.dumps(value, default=repr)


def make_worker(names: list[str]) -> Worker[None]:
    worker = Worker(
        redis_url=REDIS_URL,
        serializer=dump,
        deserializer=json.loads,
        idle_timeout=VISIBILITY,
        grace_period=GRACE,
    )
    for name in names:
        # With the additions the middleware counts the attempts, since it keeps what is given up.
        options: dict[str, Any] = {"name": name, "max_tries": None if EXTENDED else ATTEMPTS}
        decorate = worker.cron("* * * * *", **options) if name == "tick" else worker.task(**options)
        decorate(JOBS[name])
    if EXTENDED:
        extend(worker)
    else:
        add_retries(worker)
    return worker


def add_retries(worker: Worker[None]) -> None:
    """A task is tried again only if it raises `StreaqRetry`."""

    @worker.middleware
    def middleware(task: Function) -> Function:
        async def run(*args: Any, **kwargs: Any) -> None:
            tries = middleware.context.tries
            try:
                await task(*args, **kwargs)
            except Exception as exc:
                if tries >= ATTEMPTS:
                    raise
                raise StreaqRetry(delay=timedelta(seconds=RETRY * 2 ** (tries - 1))) from exc

        return run


# --- Added: 30 lines ---


def extend(worker: Worker[None]) -> None:
    @worker.middleware
    def middleware(task: Function) -> Function:
        async def run(*args: Any, **kwargs: Any) -> None:
            context = middleware.context
            sent = {"id": context.task_id, "name": context.fn_name, "kwargs": dict(kwargs)}
            REQUEST_ID.set(kwargs.pop("_request_id", None))
            key = kwargs.pop("_key", None)
            done = f"done:{context.fn_name}:{key}"
            if key and await worker.redis.exists([done]):
                return
            try:
                assert context.tries <= ATTEMPTS, "The last attempt killed the worker."
                await task(*args, **kwargs)
            except Exception as exc:
                if context.tries < ATTEMPTS:
                    delay = timedelta(seconds=RETRY * 2 ** (context.tries - 1))
                    raise StreaqRetry(delay=delay) from exc
                kept = dump(sent | {"error": repr(exc)})
                await worker.redis.hset("failed", {context.task_id: kept})
                raise
            if key:
                await worker.redis.set(done, "", ex=DAY)

        return run


class StreaqQueue:
    def work(self, names: list[str]) -> None:
        make_worker(names).run_sync()

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        async with make_worker(list(JOBS)) as self.worker:
            yield

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        if EXTENDED:
            kwargs = kwargs | {"_request_id": request_id, "_key": key}
        task = self.worker.registry[name].enqueue(**kwargs)
        if key:
            task.id = key
        await task

    async def failed(self) -> list[Failed]:
        if EXTENDED:
            kept = await self.worker.redis.hgetall("failed")
            return [json.loads(value) for value in kept.values()]
        return [
            # The arguments are not kept.
            Failed(id=done.task_id, name=done.fn_name, kwargs={}, error=str(done.exception))
            for done in await self.worker.get_tasks_by_status(TaskStatus.DONE)
            if not done.success
        ]

    async def retry(self, job_id: str) -> None:
        kept = json.loads(await self.worker.redis.hget("failed", job_id) or "{}")
        await self.worker.registry[kept["name"]].enqueue(**kept["kwargs"])
        await self.worker.redis.hdel("failed", [job_id])

    async def put_garbage(self) -> None:
        await self.worker.redis.set(self.worker.task_key + "garbage", b"\xff")
        stream = self.worker.stream_key + self.worker.priorities[0]
        await self.worker.redis.xadd(stream, {"task_id": "garbage", "enqueue_time": "0"})


if __name__ == "__main__":
    main(StreaqQueue())
