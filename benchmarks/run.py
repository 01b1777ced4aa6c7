# /// script
# requires-python = ">=3.12"
# dependencies = ["asyncpg", "psutil", "uvloop"]
# ///
"""How near a generated service comes to the limit: `uv run benchmarks/run.py PROJECT`.

The limit is `baseline.py`, run by the project's own Python. Both answer on loopback, one process
each, from one PostgreSQL database of 10,000 rows, made on the server of DATABASE_URL and dropped
at the end. Rounds alternate and a ratio is the median of those within a round, so that what else
the machine does slows both alike; the CPU time per request hardly sees it at all.
"""

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import uvloop

ROWS, CONNECTIONS, ROUNDS, STARTS = 10_000, 64, 7, 5
WARM_UP, SECONDS = 0.3, 1.2
SERVER = os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1/postgres")
NAME = f"benchmark_{os.getpid()}"
URL = urlsplit(SERVER)._replace(path=f"/{NAME}").geturl()
FILL = f"""
    INSERT INTO items (id, title, description, created_at, updated_at)
    SELECT gen_random_uuid(), 'Item ' || n, repeat('A description. ', 5), time, time
    FROM generate_series(1, {ROWS}) n, LATERAL (SELECT now() - n * interval '1 min' AS time) _
    RETURNING id
"""
NEW = '{"title": "New", "description": "Created by the benchmark, and deleted after the round"}'
UVICORN = "-m uvicorn baseline:app --loop uvloop --http httptools --no-access-log --log-level error"


class Client(asyncio.Protocol):
    """A connection that sends its next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests, self.buffer, self.answered, self.running = requests, b"", 0, True
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().split(b"content-length:")[1].split()[0]):
            return
        if not head.startswith(b"HTTP/1.1 20"):
            sys.exit(f"Refused: {self.buffer.decode()}")
        self.answered += 1
        self.buffer = b""
        if self.running:
            self.transport.write(next(self.requests))
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.running:
            sys.exit(f"Disconnected: {exc}")
        self.closed.set_result(None)


async def load(port: int, process: psutil.Process, requests: list[bytes]) -> tuple[float, float]:
    """Requests a second, and the process's CPU time for one in µs."""
    loop, endless = asyncio.get_running_loop(), itertools.cycle(requests)
    clients = [
        (await loop.create_connection(lambda: Client(endless), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]

    def counters() -> tuple[float, float, float]:
        cpu, answered = process.cpu_times(), sum(client.answered for client in clients)
        return answered, time.perf_counter(), cpu.user + cpu.system

    await asyncio.sleep(WARM_UP)
    before = counters()
    await asyncio.sleep(SECONDS)
    answered, seconds, cpu = (b - a for a, b in zip(before, counters(), strict=True))
    for client in clients:
        client.running = False
    await asyncio.wait_for(asyncio.gather(*(client.closed for client in clients)), 30)
    return answered / seconds, cpu / answered * 1e6


async def sql(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


def request(target: str, method: str = "GET", body: str = "") -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{body}".encode()


@contextmanager
def serve(*command: str | Path) -> Iterator[tuple[int, psutil.Process, float]]:
    """The port, the process, and the seconds to its first answer; its log goes into a pipe."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "UVICORN_PORT": str(port)}
    started = time.perf_counter()
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as log,
        subprocess.Popen(command, env=env, stdout=log.stdin) as server,
    ):
        try:
            while server.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as probe:
                    probe.sendall(request("/health"))
                    if probe.recv(12) == b"HTTP/1.1 200":
                        break
                time.sleep(0.01)
            yield port, psutil.Process(server.pid), time.perf_counter() - started
        finally:
            server.terminate()


def compare(project: Path) -> None:
    """Print the table."""
    app = project / ".venv/bin/app"
    subprocess.run([app, "db", "upgrade"], stdout=subprocess.DEVNULL, check=True)
    ids = [row["id"] for row in uvloop.run(sql(URL, FILL))]
    endpoints = {
        "health": [request("/health")],
        "by id": [request(f"/api/v1/items/{item_id}") for item_id in ids],
        "list of 20": [request("/api/v1/items?page_size=20")],
        "feed": [request("/api/v1/items/feed?limit=20")],
        "create": [request("/api/v1/items", "POST", NEW)],
    }
    rounds = defaultdict(list)
    first_answers = []
    for _ in range(STARTS):
        with serve(app, "serve") as (*_, seconds):
            first_answers.append(seconds)
    with (
        serve(app, "serve") as (port, process, _),
        serve(project / ".venv/bin/python", *UVICORN.split()) as (limit_port, limit_process, _),
    ):
        for number in range(ROUNDS):
            uvloop.run(sql(URL, "VACUUM ANALYZE items"))
            for name, requests in endpoints.items():
                sides = [(port, process), (limit_port, limit_process)]
                order = 1 if number % 2 else -1
                results = [uvloop.run(load(*side, requests)) for side in sides[::order]][::order]
                rounds[name].append(tuple(itertools.chain(*results)))
            uvloop.run(sql(URL, "DELETE FROM items WHERE title = 'New'"))
        memory = process.memory_info().rss / 2**20

    print("| | rps | limit | ratio | CPU µs | limit |\n|---|---|---|---|---|---|")
    for name, results in rounds.items():
        rps, cpu, limit_rps, limit_cpu = (median(column) for column in zip(*results, strict=True))
        ratio = median(result[0] / result[2] for result in results)
        print(
            f"| {name} | {rps:.0f} | {limit_rps:.0f} | {ratio:.2f} | {cpu:.0f} | {limit_cpu:.0f} |"
        )
    print(f"\nFirst answer {median(first_answers):.1f} s, memory {memory:.0f} MiB.")


if __name__ == "__main__":
    os.environ |= {"DATABASE_URL": URL, "ENVIRONMENT": "production"}
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.resolve())
    uvloop.run(sql(SERVER, f"CREATE DATABASE {NAME}"))
    os.chdir(sys.argv[1])
    try:
        compare(Path.cwd())
    finally:
        uvloop.run(sql(SERVER, f"DROP DATABASE {NAME} WITH (FORCE)"))
