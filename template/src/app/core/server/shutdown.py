"""Overrides of uvicorn's shutdown, so that a stop or a deployment loses no request.

uvicorn 0.54 closes every idle keep-alive connection in the moment in which it stops. A request that
a client or a proxy sends on such a connection at that time gets a connection reset (uvicorn issue
669). With several workers the parent process keeps its listening sockets open until the last worker
has ended, so the operating system accepts connections that nobody will serve (uvicorn pull request
2010, not merged).
"""

import asyncio
import socket
from functools import cached_property
from typing import override

import uvicorn
from uvicorn.supervisors import multiprocess

NOTICE_SECONDS = 0.5
"""Seconds for which responses say `Connection: close` before idle connections are closed."""


class Server(uvicorn.Server):
    """A server that announces the end of its connections before it closes them."""

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Listening ends first: no request is lost on a connection that was not accepted.
        for server in self.servers:
            server.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(NOTICE_SECONDS)
        await super().shutdown(sockets)


class Worker(multiprocess.Process):
    """A worker process that runs `Server` instead of uvicorn's server."""

    @cached_property
    @override
    def server(self) -> uvicorn.Server:
        return Server(self.config)


class Supervisor(multiprocess.Multiprocess):
    """The parent process of the workers. It closes its listening sockets before it stops them."""

    @override
    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def run_workers(config: uvicorn.Config, sockets: list[socket.socket]) -> None:
    """Serve in `config.workers` processes until SIGTERM."""
    # uvicorn has no parameter for the class of its workers.
    multiprocess.Process = Worker  # type: ignore[misc]
    Supervisor(config, sockets=sockets).run()
