"""A load generator that sends HTTP requests over several connections.

This module does not use httpx2, aiohttp or locust, because these libraries need too much CPU time.
On a machine with two cores, the service would answer fewer requests per second. Load generators
that use less CPU time, such as wrk and oha, are not available on PyPI.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools

LAST_RESPONSE_TIMEOUT = 30.0
"""Seconds that each connection waits for its last response."""


@dataclass
class Responses:
    """The latencies and errors of all connections."""

    latencies: list[float] = field(default_factory=list)
    """Seconds between each request and the end of its response."""

    errors: Counter[str] = field(default_factory=Counter)
    """Number of responses for each status outside 2xx, and number of failed connections."""


@asynccontextmanager
async def load(port: int, requests: Sequence[bytes], connections: int) -> AsyncGenerator[Responses]:
    """Send the requests repeatedly to 127.0.0.1 until the `async with` block ends.

    Each connection sends its next request when the previous response has arrived. At the end, the
    connections wait for their last responses, so that slow responses are measured too.
    """
    responses, endless = Responses(), itertools.cycle(requests)
    loop = asyncio.get_running_loop()
    opened = await asyncio.gather(
        *(
            loop.create_connection(lambda: _Connection(endless, responses), "127.0.0.1", port)
            for _ in range(connections)
        )
    )
    clients = [client for _, client in opened]
    try:
        yield responses
    finally:
        for client in clients:
            client.stopping = True
        closed = [client.closed for client in clients]
        _, waiting = await asyncio.wait(closed, timeout=LAST_RESPONSE_TIMEOUT)
        if waiting:
            responses.errors[f"no response in {LAST_RESPONSE_TIMEOUT:.0f} s"] += len(waiting)


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], responses: Responses) -> None:
        self.stopping = False
        self.closed = asyncio.get_running_loop().create_future()
        self._requests, self._responses = requests, responses
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Send the next request. httptools calls this method at the end of each response."""
        self._responses.latencies.append(time.perf_counter() - self._sent)
        status = self._parser.get_status_code()
        if not 200 <= status < 300:
            self._responses.errors[f"status {status}"] += 1
        if self.stopping:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.stopping:
            self._responses.errors["connection closed"] += 1
        self.closed.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))
