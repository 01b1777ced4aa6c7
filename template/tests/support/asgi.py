"""The smallest application, and a server of it in this process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import Receive, Scope, Send


async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `ok` once the whole body is there."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def running(server: uvicorn.Server) -> AsyncGenerator[tuple[str, int]]:
    """Run a server until the context ends, and give its address."""
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        await serving


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # what is awaited has no event
            await asyncio.sleep(0.01)
