"""The interface of the adapters for queue libraries, and the two commands of each adapter.

The command `work NAME…` runs a worker for the jobs with these names. The command `client` runs a
process that enqueues jobs, as a web server does. The client writes one line of JSON when it is
connected to Redis. Then the client reads requests from stdin, one JSON array per line, and writes
one line of JSON per request.
"""

import asyncio
import json
import os
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypedDict

REDIS_URL = os.environ.get("REDIS_URL", "")

EXTENDED = "EXTENDED" in os.environ
"""Whether the adapter adds missing features to the library, with the library's public API."""

VISIBILITY = 5
"""Visibility timeout: seconds after which the job of a killed worker is delivered again."""

TIMEOUT = 4
"""Seconds after which an attempt to run a job is cancelled and treated as failed."""

ATTEMPTS = 3
"""Number of failed attempts after which the queue gives up a job."""

RETRY = 0.5
"""Delay before the first retry of a failed job, in seconds."""

GRACE = 2
"""Graceful shutdown timeout: seconds that running jobs may take after SIGTERM."""


class Failed(TypedDict):
    """A job that the queue gave up because the last attempt failed."""

    id: str
    name: str | None
    kwargs: dict[str, Any]
    error: str


class Queue(Protocol):
    """Adapter for the queue of one library."""

    def work(self, names: list[str]) -> None:
        """Run a worker for these jobs until SIGTERM. The job `tick` is scheduled every minute."""

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager in which a client is connected and can enqueue jobs."""

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        """Enqueue a job. Jobs with the same key run only once. Raise if Redis is unavailable."""

    async def failed(self) -> list[Failed]:
        """Return the jobs that were given up."""

    async def retry(self, job_id: str) -> None:
        """Requeue a job that was given up, and reset its number of attempts to zero."""

    async def put_garbage(self) -> None:
        """Enqueue a message that the adapter cannot parse."""


def main(queue: Queue) -> None:
    match sys.argv[1:]:
        case ["work", *names]:
            queue.work(names)
        case ["client"]:
            asyncio.run(_serve(queue))
        case _:
            sys.exit(f"usage: {sys.argv[0]} work NAME… | client")


async def _serve(queue: Queue) -> None:
    # Redirect stdout to stderr, so that output of a library does not mix with the responses.
    responses = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    async with queue.connected():
        print("{}", file=responses, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            method, arguments = json.loads(line)
            try:
                response = {"result": await getattr(queue, method)(*arguments)}
            except Exception as exc:  # noqa: BLE001 - the test decides what an error means
                response = {"error": repr(exc)}
            print(json.dumps(response), file=responses, flush=True)
