"""Worker, client and Redis processes of a test."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import redis

from benchmarks.queues.interface import Failed
from benchmarks.queues.jobs import JOBS, read_trace

HERE = Path(__file__).parent


def until[Value](condition: Callable[[], Value], seconds: float = 30) -> Value:
    """Wait until the condition returns a true value, and return that value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"The condition was not true within {seconds} seconds."
        time.sleep(0.05)
    return value


class RedisProcess:
    """A Redis server that writes every command to disk before it responds."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = shutil.which("redis-server") or shutil.which("valkey-server")
        assert server, "redis-server and valkey-server are missing. Install one of them."
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        self._command += durable
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis.from_url(self.url)

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._is_ready)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def values(self) -> Iterator[bytes]:
        """Yield every stored value, including the elements of hashes, lists, sets and streams."""
        for key in self.client.scan_iter():
            match self.client.type(key):
                case b"string":
                    yield self.client.get(key)
                case b"hash":
                    yield from self.client.hvals(key)
                case b"list":
                    yield from self.client.lrange(key, 0, -1)
                case b"zset":
                    yield from self.client.zrange(key, 0, -1)
                case b"stream":
                    for _, fields in self.client.xrange(key):
                        yield from fields.values()

    def expire_keys(self) -> None:
        """Delete every key that has a time to live, as if it had expired."""
        for key in self.client.scan_iter():
            if self.client.ttl(key) >= 0:
                self.client.delete(key)

    def _is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


class Worker:
    """A worker process and its child processes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def owns(self, pid: int) -> bool:
        """Return whether the process with this id is the worker or one of its child processes."""
        try:
            return os.getpgid(pid) == self.process.pid
        except ProcessLookupError:
            return False

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def request_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = 10) -> int:
        self.request_stop()
        return self.process.wait(seconds)


class Client:
    """A process that enqueues jobs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read(60)

    def enqueue(
        self, name: str, *, key: str | None = None, request_id: str | None = None, **kwargs: Any
    ) -> None:
        self._call("enqueue", name, kwargs, key, request_id)

    def failed(self) -> list[Failed]:
        return self._call("failed")

    def retry(self, job_id: str) -> None:
        self._call("retry", job_id)

    def put_garbage(self) -> None:
        self._call("put_garbage")

    def _call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._read(20)
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["result"]

    def _read(self, seconds: float) -> Any:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        assert ready, f"The client did not respond within {seconds} seconds."
        return json.loads(self._process.stdout.readline())


class ClientError(Exception):
    """Raised if the queue raised an exception in the client's process."""


class Processes:
    """Redis, worker and client processes of one test."""

    def __init__(
        self, interpreter: Path, adapter: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._command = [interpreter, adapter]
        self._folder = folder
        self._stack = ExitStack()
        self._trace = folder / "trace"
        self._outputs = 0
        self.redis = RedisProcess(folder)
        settings = {"REDIS_URL": self.redis.url, "TRACE": str(self._trace), **environment}
        self._environment = os.environ | settings
        self.redis.start()
        self._stack.callback(self.redis.kill)
        self._stack.callback(self.redis.client.close)

    def close(self) -> None:
        self._stack.close()

    def work(self, *names: str) -> Worker:
        """Start a worker for the named jobs, or for all jobs except `tick` if no name is given."""
        names = names or tuple(name for name in JOBS if name != "tick")
        process = subprocess.Popen(
            [*self._command, "work", *names],
            stdout=self._output(),
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=self._folder,
            # Start a process group, so that `_kill_group` also kills the worker's child processes.
            start_new_session=True,
        )
        worker = Worker(process)
        self._stack.callback(_kill_group, process)
        return worker

    def client(self) -> Client:
        process = subprocess.Popen(
            [*self._command, "client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output(),
            text=True,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(_kill_group, process)
        return Client(process)

    def trace(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the lines that the jobs have written so far."""
        return [line for line in read_trace(self._trace) if event in (None, line["event"])]

    def _output(self) -> Any:
        self._outputs += 1
        return self._stack.enter_context((self._folder / f"{self._outputs}.log").open("wb"))


def _kill_group(process: subprocess.Popen[Any]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def interpreter_of_script(script: Path) -> Path:
    """Return a Python interpreter with the packages from the script's inline metadata."""
    subprocess.run(["uv", "sync", "--quiet", "--compile-bytecode", "--script", script], check=True)
    path = subprocess.check_output(["uv", "python", "find", "--script", script], text=True)
    return Path(path.strip())


def interpreter_of_service(folder: Path) -> Path:
    """Generate a service with a worker in `folder`, and return the service's Python interpreter."""
    answers = ["redis=true", "worker=true", "auth=none", "database=sqlite"]
    command = [Path(sys.executable).parent / "copier", "copy", "--quiet", "--trust", "--defaults"]
    command += ["--skip-tasks", "--vcs-ref", "HEAD"]
    for answer in answers:
        command += ["--data", answer]
    subprocess.run([*command, HERE.parents[1], folder], check=True)
    command = ["uv", "sync", "--quiet", "--no-dev", "--compile-bytecode"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / ".venv/bin/python"
