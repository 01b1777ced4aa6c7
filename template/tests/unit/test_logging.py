import io
import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI

from app.config import Settings
from app.core.logging import configure_logging, get_logger
from app.main import create_app
from tests.conftest import client_of


@contextmanager
def logged(settings: Settings, **changes: Any) -> Generator[io.BytesIO]:
    """What is written to stdout under these settings."""
    raw = io.BytesIO()
    with patch.object(sys, "stdout", io.TextIOWrapper(raw, write_through=True)):
        configure_logging(settings.model_copy(update=changes))
    yield raw
    configure_logging(settings)


@pytest.fixture
def output(settings: Settings) -> Generator[io.BytesIO]:
    with logged(settings, log_level="info") as output:
        yield output


@pytest.fixture
def logging_app(settings: Settings) -> FastAPI:
    """An application with routes that have something to log."""
    with patch("app.main.configure_logging"):  # it is: to `output`
        app = create_app(settings)

    @app.get("/secrets")
    async def secrets(password: str, token: str) -> None:
        get_logger("app.test").info("seen", name="ann", password=password, token=token)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("out of paper")

    return app


def lines(output: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


async def test_a_request_is_one_line(logging_app: FastAPI, output: io.BytesIO) -> None:
    async with client_of(logging_app) as client:
        await client.get("/health?token=secret", headers={"X-Request-ID": "r-1"})

    (line,) = lines(output)
    assert line.pop("duration_ms") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request_completed",
        "level": "info",
        "logger": "app.request",
        "request_id": "r-1",
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/health",
        "status_code": 200,
    }


@pytest.mark.parametrize("name", ["uvicorn.error", "somebody.elses"])
def test_lines_of_the_standard_library_have_the_same_form(output: io.BytesIO, name: str) -> None:
    logging.getLogger(name).warning("disk %s", "full", extra={"color_message": "x", "free": 3})

    (line,) = lines(output)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "disk full", "level": "warning", "logger": name, "free": 3}


def test_uvicorns_access_log_is_silent(output: io.BytesIO) -> None:
    logging.getLogger("uvicorn.access").info("GET / 200")

    assert lines(output) == []


@pytest.mark.sad
async def test_a_crash_is_logged_with_its_traceback(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_of(logging_app) as client:
        await client.get("/crash", headers={"X-Request-ID": "r-2"})

    crash, completed = lines(output)
    assert (crash["event"], crash["request_id"]) == ("unhandled_error", "r-2")
    assert "RuntimeError: out of paper" in crash["exception"]
    assert completed["status_code"] == 500


@pytest.mark.sad
async def test_a_secret_never_reaches_the_log(logging_app: FastAPI, output: io.BytesIO) -> None:
    headers = {"Authorization": "Bearer hunter2", "Cookie": "s=hunter2"}

    async with client_of(logging_app) as client:
        await client.get("/secrets?password=hunter2&token=hunter2", headers=headers)

    assert b"hunter2" not in output.getvalue()
    assert lines(output)[0]["password"] == "[redacted]"


@pytest.mark.sad
async def test_a_line_break_in_a_path_makes_no_line_of_its_own(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_of(logging_app) as client:
        await client.get('/x%0A{"event":"forged"}')

    assert len(lines(output)) == 1


@pytest.mark.sad
def test_what_json_cannot_say_is_described(output: io.BytesIO) -> None:
    get_logger("app.test").info("odd", value=object, key={1: {2, 3}})

    assert lines(output)[0]["value"] == "<class 'object'>"


def test_the_level_is_the_settings(settings: Settings) -> None:
    with logged(settings, log_level="error") as output:
        get_logger("app.test").warning("unseen")
        logging.getLogger("app.test").warning("unseen")

    assert output.getvalue() == b""


def test_the_console_form_is_for_people(settings: Settings) -> None:
    with logged(settings, log_level="info", log_format="console") as output:
        get_logger("app.test").info("hello", name="ann")
        logging.getLogger("app.test").info("hello")

    assert output.getvalue().count(b"hello") == 2
    assert b"{" not in output.getvalue()
