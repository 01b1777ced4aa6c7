"""What the properties ask of a queue, and the two commands that each adapter offers.

`work NAME…` is a worker that knows the jobs with these names. `client` is a process that enqueues
jobs, as a server does. It writes one JSON line when it is connected. Then it reads one JSON request
a line, and answers each with one line.
"""

import asyncio
import json
import os
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypedDict

REDIS_URL = os.environ.get("REDIS_URL", "")

EXTENDED = "EXTENDED" in os.environ
"""Whether an adapter adds to its library what the library lacks, by its public API."""

VISIBILITY = 5
"""Seconds after which the job of a killed worker is delivered again."""

TIMEOUT = 4
"""Seconds after which an attempt is cut off, and has failed."""

ATTEMPTS = 3
RETRY = 0.5
"""Seconds before the first retry."""

GRACE = 2
"""Seconds that running jobs have when a worker is told to stop."""


class Failed(TypedDict):
    """A job that was given up."""

    id: str
    name: str | None
    kwargs: dict[str, Any]
    error: str


class Queue(Protocol):
    """An adapter."""

    def work(self, names: list[str]) -> None:
        """Run a worker until SIGTERM. If it knows the job `tick`, that is due every minute."""

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Surrounds every call of the methods below."""

    async def enqueue(
        self, name: str, kwargs: dict[str, Any], key: str | None, request_id: str | None
    ) -> None:
        """Of the jobs with one key, one is done. Raises an exception if Redis is unavailable."""

    async def failed(self) -> list[Failed]:
        """The jobs that were given up."""

    async def retry(self, job_id: str) -> None:
        """Put a job that was given up back into the queue, with all its attempts."""

    async def put_garbage(self) -> None:
        """Put a message into the queue that no version of the adapter has written."""


def main(queue: Queue) -> None:
    match sys.argv[1:]:
        case ["work", *names]:
            queue.work(names)
        case ["client"]:
            asyncio.run(_serve(queue))
        case _:
            sys.exit(f"usage: {sys.argv[0]} work NAME… | client")


async def _serve(queue: Queue) -> None:
    # What a library prints is not an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    async with queue.connected():
        print("{}", file=answers, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            method, arguments = json.loads(line)
            try:
                answer = {"result": await getattr(queue, method)(*arguments)}
            except Exception as exc:  # noqa: BLE001 - the test decides what an error means
                answer = {"error": repr(exc)}
            print(json.dumps(answer), file=answers, flush=True)
