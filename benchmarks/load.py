"""Load generator. Each connection sends its next request when the previous response has arrived."""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import psutil

WARM_UP = 0.3
"""Seconds of load before each measurement."""


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Process
    first_response: float
    """Seconds from the start of the process until its first response."""


@dataclass(frozen=True)
class Slice:
    """Measurements of one server during a few seconds of load."""

    rps: float
    """Responses per second."""
    cpu: float
    """CPU time of the server process per response, in µs."""
    p99: float
    """99th percentile of the latency, in ms."""
    refused: int
    """Number of responses with a status other than 2xx."""
    generator: float
    """CPU time of the load generator, as a fraction of one core."""


class Client(asyncio.Protocol):
    """One connection of the load generator."""

    def __init__(self, requests: Iterator[bytes], *, may_refuse: bool) -> None:
        self.requests, self.may_refuse = requests, may_refuse
        self.buffer, self.running, self.refused = b"", True, 0
        self.latencies: list[float] = []
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().split(b"content-length:")[1].split()[0]):
            return
        self.latencies.append(time.perf_counter() - self.sent)
        if not head.startswith(b"HTTP/1.1 20"):
            self.refused += 1
            if not self.may_refuse:
                sys.exit(f"The server did not respond with 2xx: {self.buffer.decode()}")
        self.buffer = b""
        if self.running:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.running:
            sys.exit(f"The server closed the connection: {exc}")
        self.closed.set_result(None)


async def load(
    server: Server,
    requests: list[bytes],
    *,
    seconds: float,
    connections: int,
    may_refuse: bool = False,
) -> Slice:
    """Open all connections at once, send requests for `seconds`, and wait for the last responses.

    The measured latencies include those of the last responses, so slow responses always count.
    """
    loop, endless = asyncio.get_running_loop(), itertools.cycle(requests)
    opened = await asyncio.gather(
        *(
            loop.create_connection(
                lambda: Client(endless, may_refuse=may_refuse), "127.0.0.1", server.port
            )
            for _ in range(connections)
        )
    )
    clients = [client for _, client in opened]

    def counters() -> tuple[float, float, float, float]:
        cpu, answered = server.process.cpu_times(), sum(len(client.latencies) for client in clients)
        return answered, time.perf_counter(), cpu.user + cpu.system, time.process_time()

    await asyncio.sleep(WARM_UP)
    warm = [len(client.latencies) for client in clients]
    before = counters()
    await asyncio.sleep(seconds)
    answered, took, cpu, own = (b - a for a, b in zip(before, counters(), strict=True))
    for client in clients:
        client.running = False
    await asyncio.wait_for(asyncio.gather(*(client.closed for client in clients)), 30)
    latencies = sorted(
        latency
        for client, first in zip(clients, warm, strict=True)
        for latency in client.latencies[first:]
    )
    return Slice(
        rps=answered / took,
        cpu=cpu / max(answered, 1) * 1e6,
        p99=latencies[ceil(len(latencies) * 0.99) - 1] * 1000,
        refused=sum(client.refused for client in clients),
        generator=own / took,
    )


def request(
    target: str,
    method: str = "GET",
    body: str = "",
    headers: str = "",
    content_type: str = "application/json",
) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: {content_type}\r\n{headers}\r\n{body}".encode()
