# /// script
# requires-python = ">=3.12"
# dependencies = ["httpx2", "psutil", "websockets"]
# ///
"""Measure the memory that a service uses for an idle WebSocket connection.

    uv run benchmarks/connections.py PROJECT [CONNECTIONS]

PROJECT is a generated service with websockets=true, installed with `uv sync`. The script serves the
project with one process, which uses the empty database at DATABASE_URL. A project with SQLite uses
a database in a temporary folder instead. The script reads the memory of the process before and
after the clients subscribe to events. Then the script creates an item, and measures the time until
the last client has received the event.

`run.py` measures HTTP requests over many connections.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import psutil
from websockets.asyncio.client import ClientConnection, connect

EACH = 100
"""Number of WebSocket connections per user. The service allows no more."""

SETTLE = 2.0
"""Seconds to wait before each memory measurement, so that the memory use no longer changes."""


async def main(project: Path, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        environment = {
            "DATABASE_URL": f"sqlite:///{folder}/app.db",
            "JWT_SECRET": secrets.token_hex(32),
            **os.environ,
            "ENVIRONMENT": "staging",
            "PORT": str(port),
            "RATE_LIMIT_ENABLED": "false",
            "LOG_LEVEL": "warning",
        }
        app = project.resolve() / ".venv/bin/app"
        subprocess.run([app, "db", "upgrade"], cwd=project, env=environment, check=True)
        server = subprocess.Popen([app, "serve"], cwd=project, env=environment)
        try:
            await measure(port, psutil.Process(server.pid), count)
        finally:
            server.terminate()
            server.wait()


async def measure(port: int, server: psutil.Process, count: int) -> None:
    async with AsyncExitStack() as stack:
        base_url = f"http://127.0.0.1:{port}"
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=base_url))
        await wait_until_healthy(client)
        bearers = [await log_in(client) for _ in range(-(-count // EACH))]
        url = f"ws://127.0.0.1:{port}/api/v1/ws"

        async def subscribe(headers: dict[str, str]) -> ClientConnection:
            connection = await connect(url, additional_headers=headers, proxy=None)
            await connection.send(json.dumps({"type": "subscribe", "channel": "items"}))
            await connection.recv()
            return connection

        for _ in range(EACH):  # Fill caches before the first measurement.
            await (await subscribe(bearers[0])).close()
        await asyncio.sleep(SETTLE)
        before = server.memory_info().rss
        connections = [await subscribe(bearers[number // EACH]) for number in range(count)]
        await asyncio.sleep(SETTLE)
        after = server.memory_info().rss
        started = time.perf_counter()
        await client.post("/api/v1/items", json={"title": "New"}, headers=bearers[0])
        # In a service with users, only the item's owner receives the event.
        receivers = connections[:EACH] if bearers[0] else connections
        await asyncio.gather(*(connection.recv() for connection in receivers))
        took = time.perf_counter() - started
        print(f"{before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB with {count} connections:")
        print(f"{(after - before) / count / 1024:.1f} KiB per connection")
        print(f"{took * 1000:.0f} ms from the request to the last of {len(receivers)} events")
        await asyncio.gather(*(connection.close() for connection in connections))


async def wait_until_healthy(client: httpx2.AsyncClient) -> None:
    for _ in range(600):
        try:
            (await client.get("/health")).raise_for_status()
        except httpx2.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    sys.exit("The server did not respond to /health within 30 seconds.")


async def log_in(client: httpx2.AsyncClient) -> dict[str, str]:
    """Register a user and return the `Authorization` header, or {} if the service has no users."""
    email, password = f"{secrets.token_hex(8)}@example.com", secrets.token_hex(16)
    user = {"email": email, "name": "Ada", "password": password}
    if (await client.post("/api/v1/users", json=user)).status_code == 404:
        return {}
    form = {"username": email, "password": password}
    tokens = (await client.post("/api/v1/auth/token", data=form)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000))
