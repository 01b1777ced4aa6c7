"""Tests of the uvicorn overrides in `app.core.server.shutdown`, and of uvicorn without overrides.

If a `test_plain_uvicorn_*` test fails, uvicorn has fixed the defect, so delete the override.
If a test of an override fails, the override does not work with the installed uvicorn version.
"""

import asyncio
import inspect
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.core.server.shutdown import Server
from tests.support.asgi import ok_app, running, wait_until

ROOT = Path(__file__).parents[2]
OK, CLOSE_HEADER = b"HTTP/1.1 200 OK\r\n", b"connection: close\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n"
"""The headers of a request that stays in progress until the client sends the 4-byte body."""

WORKERS = """
import sys, uvicorn
from {module} import {run}
config = uvicorn.Config("tests.support.asgi:ok_app", port=int(sys.argv[1]), workers=1, lifespan="off")
{run}(config, [config.bind_socket()]){then}
"""
PLAIN = WORKERS.format(module="uvicorn.supervisors", run="Multiprocess", then=".run()")
OVERRIDDEN = WORKERS.format(module="app.core.server.shutdown", run="run_workers", then="")


@pytest.mark.error_path
async def test_plain_uvicorn_loses_a_request_on_an_idle_connection_when_it_stops() -> None:
    assert await response_while_stopping(uvicorn.Server) == b""


async def test_the_override_answers_a_request_on_an_idle_connection_when_it_stops() -> None:
    response = await response_while_stopping(Server)

    assert response.startswith(OK)
    assert CLOSE_HEADER in response


@pytest.mark.error_path
def test_plain_uvicorn_accepts_connections_while_its_workers_stop() -> None:
    with workers(PLAIN) as (process, port), connect(port) as sender:
        sender.sendall(POST)
        process.terminate()
        assert process.stderr
        while "Terminated child process" not in process.stderr.readline():
            assert process.poll() is None

        assert is_accepting(port)


def test_stopping_workers_refuse_connections_and_finish_requests() -> None:
    with workers(OVERRIDDEN) as (process, port), connect(port) as sender, connect(port) as idle:
        sender.sendall(POST)
        process.terminate()
        response = send_request(idle)
        while CLOSE_HEADER not in response:
            time.sleep(0.02)
            response = send_request(idle)
        deadline = time.monotonic() + 10
        while is_accepting(port):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        sender.sendall(b"data")

        assert sender.recv(1024).startswith(OK)


@pytest.mark.error_path
def test_plain_uvicorn_exits_with_code_0_if_the_application_cannot_start() -> None:
    assert exit_code_without_application(PLAIN) == 0


@pytest.mark.error_path
def test_the_override_exits_with_code_3_if_the_application_cannot_start() -> None:
    assert exit_code_without_application(OVERRIDDEN) == STARTUP_FAILURE == 3


def test_uvicorn_has_no_parameter_for_the_class_of_its_workers() -> None:
    """`run_workers` patches uvicorn, because uvicorn has no parameter for the worker class."""
    assert set(inspect.signature(Multiprocess).parameters) == {"config", "sockets"}


def exit_code_without_application(code: str) -> int:
    """Run worker processes whose application does not exist, and return the parent's exit code."""
    command = [sys.executable, "-c", code.replace("ok_app", "missing_app"), "0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60)
    return ended.returncode


async def response_while_stopping(server_class: type[uvicorn.Server]) -> bytes:
    config = uvicorn.Config(ok_app, port=0, lifespan="off", log_config=None)
    server = server_class(config)
    async with running(server) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST)
        assert (await reader.readuntil(b"ok")).startswith(OK)
        server.should_exit = True
        await wait_until(lambda: not server.servers[0].is_serving())
        try:
            writer.write(REQUEST)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@contextmanager
def workers(code: str) -> Generator[tuple[subprocess.Popen[str], int]]:
    """Serve `ok_app` in one worker process, and yield the parent process and the server's port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", code, str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while not is_accepting(port):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with connect(port) as connection:
            send_request(connection)
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=20)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def send_request(connection: socket.socket) -> bytes:
    connection.sendall(REQUEST)
    response = b""
    while not response.endswith(b"ok"):
        response += connection.recv(1024)
        assert response.startswith(OK)
    return response


def is_accepting(port: int) -> bool:
    try:
        with connect(port):
            return True
    except ConnectionRefusedError:
        return False
