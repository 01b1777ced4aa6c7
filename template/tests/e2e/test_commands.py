"""Tests of the `app` commands. A command runs in the test process unless it starts a server."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from app.cli import main
from app.config import Settings, get_settings
from app_dev.servers.database import scratch_database
from tests.support.factories import command_environment

ROOT = Path(__file__).parents[2]
REQUIRED = command_environment()
APP = Path(sys.executable).with_name("app")


@dataclass(frozen=True)
class CompletedCommand:
    """The exit code and the output of a command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


def run(*arguments: str, **environment: str) -> CompletedCommand:
    """Run an `app` command in the test process, because starting a subprocess is slow."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", ["app", *arguments])
        patch.setattr(os, "environ", clean_environment() | REQUIRED | environment)
        # The command must not change the logging configuration of the test process.
        for module in ("app.core.commands", "app.main"):
            patch.setattr(f"{module}.configure_logging", lambda _: None)
        get_settings.cache_clear()
        stack.callback(get_settings.cache_clear)
        stdout = stack.enter_context(redirect_stdout(io.StringIO()))
        stderr = stack.enter_context(redirect_stderr(io.StringIO()))
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    message = f"{code}\n" if isinstance(code, str) else ""
    exit_code = code if isinstance(code, int) else int(code is not None)
    return CompletedCommand(exit_code, stdout.getvalue(), stderr.getvalue() + message)


def clean_environment() -> dict[str, str]:
    """Return the environment without PYTHONDONTWRITEBYTECODE, so that Python caches bytecode."""
    return {name: it for name, it in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@pytest.fixture(scope="module")
def url(committing_settings: Settings) -> str:
    return committing_settings.database_url.get_secret_value()


@contextmanager
def serving(**environment: str) -> Generator[tuple[subprocess.Popen[str], httpx2.Client]]:
    """Run `app serve` with production settings, and yield the process and an HTTP client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [APP, "serve"],
        cwd=ROOT,
        env=clean_environment() | REQUIRED | {"PORT": str(port)} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx2.Client(base_url=f"http://localhost:{port}") as client:
            wait_until_healthy(client)
            yield process, client
    finally:
        process.kill()
        process.communicate()


def wait_until_healthy(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            client.get("/health").raise_for_status()
        except httpx2.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


LOOPBACK_HOSTS = ("127.0.0.1", "[::1]") if socket.has_dualstack_ipv6() else ("[::1]",)


def test_serve_answers_logs_json_and_exits_with_0_on_sigterm(url: str) -> None:
    prefix = {"ROOT_PATH": "/shop", "DOCS_ENABLED": "true"}
    with serving(DATABASE_URL=url, HOST="::", **prefix) as (process, client):
        assert client.get("/ready").json()["checks"]["database"] == "ok"
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/shop"}]
        assert reachable_hosts(client) == LOOPBACK_HOSTS
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=15)

    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert "request_completed" in events
    assert events[-1].startswith("Finished server process")


def test_serve_with_several_workers_exits_with_0_on_sigterm(url: str) -> None:
    with serving(DATABASE_URL=url, HOST="::", WORKERS="2") as (process, client):
        assert reachable_hosts(client) == LOOPBACK_HOSTS
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=15)

    assert process.returncode == 0
    assert len({line for line in output.splitlines() if "Started server process" in line}) == 2


def reachable_hosts(client: httpx2.Client) -> tuple[str, ...]:
    """Return the loopback addresses at which the server can be reached."""
    health = f":{client.base_url.port}/health"
    return tuple(host for host in LOOPBACK_HOSTS if httpx2.get(f"http://{host}{health}").is_success)


@pytest.mark.error_path
def test_serve_reports_every_invalid_setting_without_its_value() -> None:
    done = run(
        "serve",
        ENVIRONMENT="production",
        DATABASE_URL="mysql://user:hunter2@host/db",
        CORS_ORIGINS="*",
        ALLOWED_HOSTS="*",
        DEBUG="true",
    )

    assert done.exit_code == 1
    for name in ("DATABASE_URL", "CORS_ORIGINS", "ALLOWED_HOSTS", "DEBUG"):
        assert f"{name}: " in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.error_path
def test_serve_reports_a_missing_database_url() -> None:
    done = run("serve", DATABASE_URL="")

    assert done.exit_code == 1
    assert "DATABASE_URL: Field required" in done.stderr


def test_openapi_needs_no_settings() -> None:
    done = run("openapi", **dict.fromkeys(REQUIRED, ""))

    assert done.exit_code == 0
    assert "/api/v1/items" in json.loads(done.stdout)["paths"]


def test_db_check_exits_with_0_for_the_generated_migrations(url: str) -> None:
    done = run("db", "check", DATABASE_URL=url)

    assert done.exit_code == 0, done.stderr


def test_db_upgrade_and_downgrade_exit_with_0(url: str) -> None:
    with scratch_database(url) as scratch:
        for command in ("upgrade", "downgrade"):
            done = run("db", command, DATABASE_URL=scratch)
            assert done.exit_code == 0, done.stderr


@pytest.mark.error_path
def test_db_upgrade_reports_an_unknown_revision_without_a_traceback(url: str) -> None:
    done = run("db", "upgrade", "--revision", "nonsense", DATABASE_URL=url)

    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
