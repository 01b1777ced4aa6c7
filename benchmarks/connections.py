# /// script
# requires-python = ">=3.12"
# dependencies = ["httpx2", "psutil", "websockets"]
# ///
"""Memory of an idle live connection: `uv run benchmarks/connections.py PROJECT [CONNECTIONS]`.

PROJECT is generated with websockets=true, and synced. One process serves it, on the empty database
of DATABASE_URL; a project with SQLite gets a database in a temporary folder. The memory of the
process is read before and after the clients subscribe. Then one item is created, and the time until
the last client receives the event is measured.

How requests fare with many connections at once is measured by `run.py`.
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
"""Connections of one user: as many as the service allows."""

SETTLE = 2.0
"""Seconds to wait until the memory no longer changes."""


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

        for _ in range(EACH):  # The first ones load and cache what stays.
            await (await subscribe(bearers[0])).close()
        await asyncio.sleep(SETTLE)
        before = server.memory_info().rss
        connections = [await subscribe(bearers[number // EACH]) for number in range(count)]
        await asyncio.sleep(SETTLE)
        after = server.memory_info().rss
        started = time.perf_counter()
        await client.post("/api/v1/items", json={"title": "New"}, headers=bearers[0])
        told = connections[:EACH] if bearers[0] else connections
        await asyncio.gather(*(connection.recv() for connection in told))
        took = time.perf_counter() - started
        print(f"{before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB with {count} connections:")
        print(f"{(after - before) / count / 1024:.1f} KiB each")
        print(f"{took * 1000:.0f} ms from the request to the last of {len(told)} events")
        await asyncio.gather(*(connection.close() for connection in connections))


async def wait_until_healthy(client: httpx2.AsyncClient) -> None:
    for _ in range(600):
        try:
            (await client.get("/health")).raise_for_status()
        except httpx2.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    sys.exit("The server does not start.")


async def log_in(client: httpx2.AsyncClient) -> dict[str, str]:
    """The headers of a new user; none if the service has no users."""
    email, password = f"{secrets.token_hex(8)}@example.com", secrets.token_hex(16)
    user = {"email": email, "name": "Ada", "password": password}
    if (await client.post("/api/v1/users", json=user)).status_code == 404:
        return {}
    form = {"username": email, "password": password}
    tokens = (await client.post("/api/v1/auth/token", data=form)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000))
