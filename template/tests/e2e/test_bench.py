"""Tests of the command `just bench`, which runs in the test process."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from io import BytesIO
from pathlib import Path

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from app.config import Settings, example_settings
from app_dev.bench import __main__ as bench
from app_dev.bench import routes
from app_dev.bench.load import load
from app_dev.bench.profile import ProfileError, find_py_spy
from app_dev.bench.server import Server, StartError, wait_for_response
from tests.support.asgi import ok_app, running, wait_until

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings) -> None:
    """Use the test database server, and shorten all phases of a run except the measurement."""
    monkeypatch.setenv("ENVIRONMENT", "production")  # In production, .env is not read.
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setattr("app.main.configure_logging", lambda _: None)
    monkeypatch.setattr(bench, "LOG", tmp_path / "bench.log")
    monkeypatch.setattr(bench, "WARM_UP", 0.05)
    monkeypatch.setattr(routes, "ROWS", 2)


def fake_server(port: int) -> Server:
    return Server(port, 0, example_settings(), BytesIO(), BytesIO())


def run(*arguments: str) -> int | str | None:
    """Run the command, and return its exit code or error message."""
    with pytest.raises(SystemExit) as ended:
        bench.command(arguments)
    return ended.value.code


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0"], "greater than or equal to 0.1"),
        (["--route", "/nothing"], "no route matches. The routes are:\n  GET /health\n"),
        (["--set", "LOG_LEVEL"], "'LOG_LEVEL' is not a setting"),
        (["--set", "LOGLEVEL=info"], "'LOGLEVEL=info' is not a setting"),
        (["--set", "DATABASE_URL=x"], "DATABASE_URL has a fixed value"),
        (["--json", "missing/results.json"], "the folder of the file does not exist"),
    ],
)
def test_rejects_invalid_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.error_path
def test_shows_the_log_of_a_service_that_does_not_start(tmp_path: Path) -> None:
    log = tmp_path / "bench.log"
    log.write_text("Some settings are invalid.")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        server = fake_server(port=1)
        with pytest.raises(StartError, match=r"did not start\..*\nSome settings are invalid\."):
            wait_for_response(server, process, log)


@pytest.mark.error_path
def test_exits_with_an_error_message_if_a_response_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def fail(benchmark: bench.Benchmark, *_: object) -> None:
        failed = bench.Measurement("GET /health", 5, 10, 1, 1, 100, 0.1, {"status 500": 3})
        benchmark.measurements.append(failed)

    monkeypatch.setattr(bench, "serving", lambda *_: nullcontext(fake_server(port=1)))
    monkeypatch.setattr(bench.Benchmark, "run", fail)
    results = tmp_path / "results.json"

    message = run("--json", str(results))

    assert str(message).startswith("Some responses are errors.")
    assert json.loads(results.read_text())["routes"][0]["errors"] == {"status 500": 3}


def test_measures_the_routes_of_the_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"

    assert run("--seconds", "1", "--route", "*/items/{*", "--json", str(results)) == 0

    report = json.loads(results.read_text())
    [measured] = report["routes"]
    assert measured["route"] == "GET /api/v1/items/{item_id}"
    assert measured["errors"] == {}
    assert measured["requests"] > 0
    assert measured["cpu_us"] > 0
    assert 0 < measured["p50_ms"] <= measured["p99_ms"]
    assert report["concurrency"] == 16
    assert "GET /api/v1/items/{item_id}  " in capsys.readouterr().out
    assert not bench.LOG.exists()


@pytest.mark.error_path
def test_raises_an_error_if_uv_cannot_download_py_spy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = tmp_path / "uv"
    failing.write_text("#!/bin/sh\necho no network >&2; exit 2\n")
    failing.chmod(0o755)
    monkeypatch.setenv("UV", str(failing))

    with pytest.raises(ProfileError, match=r"could not download py-spy.*\nno network"):
        find_py_spy()


# --- The load generator ---


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[int]:
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off")
    async with running(uvicorn.Server(config)) as (_, port):
        yield port


@pytest.mark.error_path
async def test_counts_error_responses() -> None:
    failing = PlainTextResponse("sorry", status_code=500)
    async with serving(failing) as port, load(port, [REQUEST], connections=1) as responses:
        pass

    assert responses.errors == {"status 500": 1}


@pytest.mark.error_path
async def test_counts_connections_that_the_server_closes() -> None:
    closing = PlainTextResponse("bye", headers={"Connection": "close"})
    async with serving(closing) as port, load(port, [REQUEST], connections=2) as responses:
        await wait_until(lambda: responses.errors.total() == 2)

    assert responses.errors == {"connection closed": 2}


async def test_measures_the_latency_of_every_response_including_the_last_ones() -> None:
    async with serving(ok_app) as port, load(port, [REQUEST], connections=3) as responses:
        pass

    assert len(responses.latencies) == 3
    assert min(responses.latencies) > 0
    assert not responses.errors
