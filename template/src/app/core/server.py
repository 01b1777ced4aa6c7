"""uvicorn, as this service wants it."""

import asyncio
import signal
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.supervisors import multiprocess

from app.config import Settings

APP = "app.asgi:app"
OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_config": None,
    # The application trusts proxies by its own setting; uvicorn would trust 127.0.0.1.
    "proxy_headers": False,
    "server_header": False,
}

GOODBYE_SECONDS = 0.5
"""How long clients are asked to close their connections before those are closed for them."""

DRAIN_SECONDS = 10
"""How long accepted requests may take to finish after that."""


class Server(uvicorn.Server):
    """A server that takes leave: it closes no connection on which a request may be on its way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # First of all: a connection that is not accepted loses no request.
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(GOODBYE_SECONDS)
        await super().shutdown(sockets)


class Worker(multiprocess.Process):
    """One of several processes: runs our server, where uvicorn's own would run uvicorn's."""

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server


class Supervisor(multiprocess.Multiprocess):
    """The parent of several workers."""

    def terminate_all(self) -> None:
        for sock in self.sockets:
            sock.close()  # Or the system would go on taking connections that nobody serves.
        super().terminate_all()


def develop(port: int) -> None:
    """Serve on 127.0.0.1, again after every change of the source."""
    uvicorn.run(APP, port=port, reload=True, reload_dirs=["src"], **OPTIONS)


def serve(settings: Settings) -> None:
    """Serve until told to stop, which is no failure: exits 0 then."""
    # uvicorn drains, then raises the signal again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        APP,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **OPTIONS,
    )
    if settings.workers == 1:
        Server(config).run()
    else:
        # The supervisor cannot be told in another way which class its workers are.
        multiprocess.Process = Worker  # type: ignore[misc]
        Supervisor(config, sockets=[config.bind_socket()]).run()
