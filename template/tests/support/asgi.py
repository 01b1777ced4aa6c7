"""A minimal ASGI application, and helpers to run a uvicorn server in the test process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import Receive, Scope, Send


async def ok_app(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole request body, then send a 200 response with the text `ok`."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def running(server: uvicorn.Server) -> AsyncGenerator[tuple[str, int]]:
    """Run a uvicorn server until the `with` block ends, and yield the server's host and port."""
    serving = asyncio.create_task(server.serve())
    await wait_until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        await serving


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until `condition()` returns true. Raise `TimeoutError` after 10 seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # uvicorn provides no event to await
            await asyncio.sleep(0.01)
