"""Overrides uvicorn's shutdown, so that no request is lost when the server stops.

uvicorn 0.54 closes all idle keep-alive connections as soon as its shutdown begins. A request is
lost if a client or a proxy sends it on an idle connection while uvicorn closes the connection
(uvicorn issue 669).

With several worker processes, uvicorn's parent process keeps its listening sockets open until the
last worker has ended. While the parent's sockets are open, the operating system accepts connections
that no worker will serve (uvicorn pull request 2010, which is not merged, would fix this problem).

With several worker processes, uvicorn's parent process exits with code 0 if the application cannot
start, so a process manager would not notice the failure.
"""

import asyncio
import socket
import sys
from functools import cached_property
from typing import override

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

NOTICE_SECONDS = 0.5
"""Seconds during which responses contain `Connection: close` before idle connections are closed."""


class Server(uvicorn.Server):
    """A uvicorn server that sends `Connection: close` in responses before it closes connections."""

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Listening sockets are closed first, so that no new connection is accepted and then closed.
        for server in self.servers:
            server.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(NOTICE_SECONDS)
        await super().shutdown(sockets)


class Worker(multiprocess.Process):
    """A worker process that runs `Server` instead of `uvicorn.Server`."""

    @cached_property
    @override
    def server(self) -> uvicorn.Server:
        return Server(self.config)


class Supervisor(multiprocess.Multiprocess):
    """The parent process, which closes its listening sockets before it stops its workers."""

    @override
    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def run_workers(config: uvicorn.Config, sockets: list[socket.socket]) -> None:
    """Serve in `config.workers` worker processes until the parent process receives SIGTERM.

    If the application cannot start, the parent process exits with code 3, as a server with one
    process does.
    """
    # uvicorn has no parameter for the worker process class, so this function replaces the class.
    multiprocess.Process = Worker  # type: ignore[misc]
    supervisor = Supervisor(config, sockets=sockets)
    supervisor.run()
    if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
        sys.exit(STARTUP_FAILURE)
