"""Interface of an adapter for a queue, and the two commands that each adapter offers.

`work NAME…` runs a worker that has the jobs with these names. `client` runs a process that enqueues
jobs, as a web server does. It writes one line of JSON when it is connected to Redis. Then it reads
requests from stdin, one JSON array per line, and writes one line of JSON for each.
"""

import asyncio
import json
import os
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypedDict

REDIS_URL = os.environ.get("REDIS_URL", "")

EXTENDED = "EXTENDED" in os.environ
"""Whether an adapter implements missing features by means of its library's public API."""

VISIBILITY = 5
"""Visibility timeout: seconds after which the job of a killed worker is delivered again."""

TIMEOUT = 4
"""Seconds after which a running attempt is cancelled and counts as failed."""

ATTEMPTS = 3
"""Attempts before a job is given up."""

RETRY = 0.5
"""Seconds before the first retry."""

GRACE = 2
"""Graceful shutdown timeout: seconds that running jobs may take after SIGTERM."""


class Failed(TypedDict):
    """A job that was given up after its last attempt."""

    id: str
    name: str | None
    kwargs: dict[str, Any]
    error: str


class Queue(Protocol):
    """Adapter for the queue of one library."""

    def work(self, names: list[str]) -> None:
        """Run a worker with these jobs until SIGTERM. The job `tick` is scheduled every minute."""

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager in which the methods below may be called."""

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        """Enqueue a job. Only one of the jobs with the same key runs. Raise if Redis is down."""

    async def failed(self) -> list[Failed]:
        """Return the jobs that were given up."""

    async def retry(self, job_id: str) -> None:
        """Put a job that was given up back into the queue, with its attempts counted from zero."""

    async def put_garbage(self) -> None:
        """Put a message into the queue that no version of the adapter can parse."""


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
