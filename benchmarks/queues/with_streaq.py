# /// script
# requires-python = ">=3.12"
# dependencies = ["streaq==7.2.0"]
# ///
"""Adapter for streaq."""

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from anyio import CancelScope, fail_after, get_cancelled_exc_class
from coredis.exceptions import RedisError
from interface import ATTEMPTS, EXTENDED, GRACE, REDIS_URL, RETRY, TIMEOUT, VISIBILITY, Failed, main
from jobs import JOBS, REQUEST_ID
from streaq import StreaqError, StreaqRetry, TaskStatus, Worker
from streaq.constants import REDIS_GROUP
from streaq.types import StreamMessage

DAY = 24 * 60 * 60

type Function = Callable[..., Awaitable[None]]


def dump(value: Any) -> str:
    """Serialize a value as JSON. An exception in the value is serialized as its repr."""
    return json.dumps(value, default=repr)


def make_worker(names: list[str]) -> Worker[None]:
    worker = (WaitingWorker if EXTENDED else Worker)(
        redis_url=REDIS_URL,
        serializer=dump,
        deserializer=json.loads,
        idle_timeout=VISIBILITY,
        grace_period=GRACE,
    )
    for name in names:
        options: dict[str, Any] = {"name": name}
        if EXTENDED:
            # No limits here: `extend` limits the attempts itself, so that it can store failed jobs.
            options |= {"max_tries": None, "timeout": None}
        else:
            options |= {"max_tries": ATTEMPTS, "timeout": TIMEOUT, "retry_timeouts": True}
        if name == "tick":
            decorate = worker.cron("* * * * *", unique=False, **options)
        else:
            decorate = worker.task(**options)
        decorate(JOBS[name])
    if EXTENDED:
        extend(worker)
    else:
        add_retries(worker)
    return worker


def add_retries(worker: Worker[None]) -> None:
    """Raise `StreaqRetry` when a task fails, because streaq retries only after this exception."""

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


# --- Extended variant ---


class WaitingWorker(Worker[None]):
    """Worker that requeues unknown jobs, and stores messages that cannot be parsed.

    The class relies on the undocumented format in which streaq stores a task.
    """

    async def run_task(self, msg: StreamMessage) -> None:
        raw = await self.redis.get(self.task_key + msg.task_id)
        try:
            name = (await self.deserialize(raw))["f"] if raw else None
        except StreaqError as exc:
            kept = Failed(id=msg.task_id, name=None, kwargs={"raw": raw}, error=repr(exc))
            await self.redis.hset("failed", {msg.task_id: dump(kept)})
            name = None
        if name is None or name in self.registry:
            await super().run_task(msg)
            return
        stream, later = self.stream_key + msg.priority, self.queue_key + msg.priority
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.xack(stream, REDIS_GROUP, [msg.message_id])
            pipe.xdel(stream, [msg.message_id])
            pipe.zadd(later, {msg.task_id: round((time.time() + RETRY) * 1000)})


def extend(worker: Worker[None]) -> None:
    """Add a middleware that stores failed jobs, runs one job per key, and sets the request id."""

    @worker.middleware
    def middleware(task: Function) -> Function:
        async def run(*args: Any, **kwargs: Any) -> None:
            redis, context = worker.redis, middleware.context
            sent = {"id": context.task_id, "name": context.fn_name, "kwargs": dict(kwargs)}
            REQUEST_ID.set(kwargs.pop("_request_id", None))
            key = kwargs.pop("_key", None)
            done, started = f"done:{context.fn_name}:{key}", f"started:{context.task_id}"
            if key and await redis.exists([done]):
                return
            # Count attempts here: `context.tries` includes attempts that a shutdown interrupted.
            tries = await redis.incr(started)
            try:
                assert tries <= ATTEMPTS, "The last attempt killed the worker."
                with fail_after(TIMEOUT):
                    await task(*args, **kwargs)
            except get_cancelled_exc_class():
                with CancelScope(shield=True):
                    await redis.decr(started)
                raise
            except Exception as exc:
                if tries < ATTEMPTS:
                    delay = timedelta(seconds=RETRY * 2 ** (tries - 1))
                    raise StreaqRetry(delay=delay) from exc
                kept = dump(sent | {"error": repr(exc)})
                await redis.hset("failed", {context.task_id: kept})
                await redis.delete([started])
                raise
            await redis.delete([started])
            if key:
                await redis.set(done, "", ex=DAY)

        return run


def work_through_outages(names: list[str]) -> None:
    """Run a worker, and restart the worker when an outage of Redis ends it with an exception."""
    while True:
        try:
            make_worker(names).run_sync()
        except* (OSError, RedisError):
            time.sleep(1)
        else:
            break


class StreaqQueue:
    def work(self, names: list[str]) -> None:
        if EXTENDED:
            work_through_outages(names)
        else:
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
            # streaq does not store the arguments of a finished task.
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
