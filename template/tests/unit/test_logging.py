"""Tests of the log output: each event is written as one line that contains no secrets."""

import io
import json
import logging
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from fastapi import BackgroundTasks, FastAPI
from pydantic import BaseModel
from structlog.contextvars import bound_contextvars

from app.config import Settings
from app.core.errors import ServiceUnavailableError
from app.core.logging import OutputHandler, configure_logging, get_logger, mark_as_logged
from app.main import create_app
from app.shared.deprecation import deprecated
from tests.support.apps import client_for


@contextmanager
def logged(settings: Settings, **changes: Any) -> Generator[io.BytesIO]:
    """Configure logging with the given settings, and yield the buffer that receives the log."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, write_through=True)
    with patch.object(sys, "stdout", stream):
        configure_logging(settings.model_copy(update=changes))
    yield raw
    configure_logging(settings)
    stream.detach()  # Keep the buffer open when the stream is garbage-collected.


@pytest.fixture
def output(settings: Settings) -> Generator[io.BytesIO]:
    with logged(settings, log_level="info") as output:
        yield output


@pytest.fixture
def logging_app(settings: Settings) -> FastAPI:
    """An application whose `/secrets` route logs secrets and whose `/crash` route raises an error.

    The route `/old` is deprecated.
    """
    # `create_app` must not replace the logging configuration of the `output` fixture.
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    @app.get("/secrets")
    async def secrets(password: str, token: str) -> None:
        get_logger("app.test").info("seen", name="ann", password=password, token=token)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("test error")

    @app.get("/old", **deprecated(date(2027, 1, 1)))
    async def old() -> None: ...

    return app


def lines(output: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


async def test_a_request_is_logged_as_one_line(logging_app: FastAPI, output: io.BytesIO) -> None:
    async with client_for(logging_app) as client:
        await client.get("/health?token=secret", headers={"X-Request-ID": "r-1"})

    (line,) = lines(output)
    assert line.pop("duration_ms") >= 0
    assert line.pop("database_ms") == 0
    assert line.pop("timestamp").endswith("Z")
    expected = {
        "event": "request_completed",
        "level": "info",
        "logger": "app.request",
        "request_id": "r-1",
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/health",
        "status_code": 200,
        "queries": 0,
    }
    assert line.items() >= expected.items()


async def test_requests_to_deprecated_routes_are_marked(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_for(logging_app) as client:
        await client.get("/old")
        await client.get("/health")

    deprecated, other = lines(output)
    assert (deprecated["event"], deprecated["deprecated"]) == ("request_completed", True)
    assert "deprecated" not in other


@pytest.mark.parametrize("name", ["uvicorn.error", "third_party"])
def test_loggers_of_the_standard_library_write_the_same_format(
    output: io.BytesIO, name: str
) -> None:
    logging.getLogger(name).warning("disk %s", "full", extra={"color_message": "x", "free": 3})

    (line,) = lines(output)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "disk full", "level": "warning", "logger": name, "free": 3}


def test_the_access_log_of_uvicorn_is_disabled(output: io.BytesIO) -> None:
    logging.getLogger("uvicorn.access").info("GET / 200")

    assert lines(output) == []


@pytest.mark.error_path
async def test_an_unhandled_error_is_logged_with_its_traceback(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_for(logging_app) as client:
        await client.get("/crash", headers={"X-Request-ID": "r-2"})

    crash, completed = lines(output)
    assert (crash["event"], crash["request_id"]) == ("unhandled_error", "r-2")
    assert "RuntimeError: test error" in crash["exception"]
    assert completed["status_code"] == 500


@pytest.mark.error_path
async def test_a_server_error_is_logged_with_its_traceback(
    settings: Settings, output: io.BytesIO
) -> None:
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    @app.get("/internal")
    async def internal() -> None:
        raise ServiceUnavailableError("unavailable") from ConnectionResetError("db-7")

    # The cached logger of `app.core.errors` may still write to the output of an earlier test.
    with patch("app.core.errors.logger", get_logger("app.core.errors")):
        async with client_for(app) as client:
            await client.get("/internal")

    error, _ = lines(output)
    assert (error["event"], error["message"]) == ("server_error", "unavailable")
    assert "ConnectionResetError: db-7" in error["exception"]


@pytest.mark.error_path
async def test_secrets_in_headers_and_the_query_are_not_logged(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    headers = {"Authorization": "Bearer hunter2", "Cookie": "s=hunter2"}

    async with client_for(logging_app) as client:
        await client.get("/secrets?password=hunter2&token=hunter2", headers=headers)

    assert b"hunter2" not in output.getvalue()
    assert lines(output)[0]["password"] == "[redacted]"


class Form(BaseModel):
    password: str = "hunter2"


@dataclass
class Session:
    refresh_token: str = "hunter2"


class Pair(NamedTuple):
    api_key: str = "hunter2"


@pytest.mark.error_path
@pytest.mark.parametrize(
    "value",
    [
        {"current_password": "hunter2"},
        {"user": {"password_hash": "hunter2"}},
        [{"Set-Cookie": "hunter2"}],
        {"headers": ({"X-API-Key": "hunter2"},)},
        {"form": {"client_secret": "hunter2", "new_password": "hunter2"}},
        {"accessToken": "hunter2", "userPwd": "hunter2"},
        {b"cookie": b"hunter2"},
        {"headers": [(b"authorization", b"hunter2"), (b"accept", b"*/*")]},
        {"headers": [["authorization", "hunter2"], [["a", "b"], "c"]]},
        deque([{"password": "hunter2"}]),
        {"password": "hunter2"}.items(),
        Form(),
        {"session": Session()},
        [Pair()],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_secret_is_redacted_at_any_depth(output: io.BytesIO, value: Any) -> None:
    get_logger("app.test").info("seen", data=value)
    logging.getLogger("app.test").warning("seen", extra={"data": value})

    assert output.getvalue().count(b"[redacted]") >= 2
    assert b"hunter2" not in output.getvalue()


def test_values_that_are_not_secret_are_not_redacted(output: io.BytesIO) -> None:
    get_logger("app.test").info("seen", token_type="bearer", tokens_left=3, author="ann")

    line = lines(output)[0]
    assert (line["token_type"], line["tokens_left"], line["author"]) == ("bearer", 3, "ann")


@pytest.mark.error_path
async def test_a_line_break_in_a_path_does_not_start_a_new_log_line(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_for(logging_app) as client:
        await client.get('/x%0A{"event":"forged"}')

    assert len(lines(output)) == 1


class FailingRepr:
    def __repr__(self) -> str:
        raise RuntimeError


class FailingMapping(Mapping[str, int]):
    def __getitem__(self, _key: str) -> int:
        raise RuntimeError

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def wide_cycle() -> dict[str, Any]:
    parent: dict[str, Any] = {}
    parent["children"] = [{"parent": parent, "id": n} for n in range(300)]
    return parent


class Shape(Enum):
    ROUND = "round"


class FailingList(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError


UNUSUAL_VALUES = {
    "class": object,
    "set": {1: {2, 3}},
    "long integer": 2**64,
    "tuple key": {(1, 2): "x"},
    "pair": ({"a": 1}, 2),
    "enumeration": Shape,
    "very long integer": 10**5000,
    "cycle": cycle(),
    "wide cycle": wide_cycle(),
    "failing repr of a key": {FailingRepr(): 1},
    "failing mapping": FailingMapping(),
    "failing list": FailingList([1]),
    "deep": json.loads("[" * 500 + "]" * 500),
    "surrogate": "\ud800",
    "surrogate key": {"\ud800": 1},
    "failing repr": FailingRepr(),
    "bytes": b"\xff",
    "not a number": float("nan"),
}


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", UNUSUAL_VALUES.values(), ids=UNUSUAL_VALUES.keys())
def test_any_logged_value_is_written_as_one_line(settings: Settings, form: str, value: Any) -> None:
    with logged(settings, log_level="info", log_format=form) as output:
        get_logger("app.test").info("odd", value=value)
        logging.getLogger("app.test").warning("odd", extra={"value": value})

    assert output.getvalue().count(b"odd") == 2
    assert len(output.getvalue().splitlines()) == 2


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", UNUSUAL_VALUES.values(), ids=UNUSUAL_VALUES.keys())
def test_any_context_value_is_written_as_one_line(
    settings: Settings, form: str, value: Any
) -> None:
    with (
        logged(settings, log_level="info", log_format=form) as output,
        bound_contextvars(request_id="the-request", value=value),
    ):
        get_logger("app.test").info("odd")
        logging.getLogger("app.test").warning("odd")

    assert output.getvalue().count(b"odd") == 2
    assert output.getvalue().count(b"the-request") == 2
    assert len(output.getvalue().splitlines()) == 2


@pytest.mark.error_path
def test_arguments_that_do_not_match_the_message_are_logged_as_an_error(output: io.BytesIO) -> None:
    get_logger("app.test").info("%d files", "none")

    (line,) = lines(output)
    assert (line["event"], line["error"]) == ("log_failed", "TypeError")
    assert "%d files" in line["line"]


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("message", "expected"), [("%d files", "%d files"), (FailingRepr(), "FailingRepr")]
)
def test_a_message_that_cannot_be_formatted_is_logged_as_one_line(
    output: io.BytesIO, message: object, expected: str
) -> None:
    record = logging.makeLogRecord({"name": "app.test", "msg": message, "args": ("none",)})

    for handler in logging.getLogger().handlers:
        # Skip pytest's log handler, because it raises an error if formatting fails.
        if isinstance(handler, OutputHandler):
            handler.handle(record)

    (line,) = lines(output)
    assert expected in line["event"]
    assert line["logger"] == "app.test"


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_request_succeeds_if_its_log_line_cannot_be_written(
    settings: Settings, form: str
) -> None:
    class FullDisk(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: Any) -> int:
            raise OSError(28, "No space left on device")

    changes = {"log_level": "info", "log_format": form}
    with patch.object(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(FullDisk(), 1))):
        configure_logging(settings.model_copy(update=changes))
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    async with client_for(app) as client:
        assert (await client.get("/health")).status_code == 200
    configure_logging(settings)


@pytest.mark.error_path
async def test_a_failing_background_task_is_logged_once(
    settings: Settings, output: io.BytesIO
) -> None:
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    @app.get("/later")
    async def later(background: BackgroundTasks) -> None:
        def fail() -> None:
            raise RuntimeError("test error")

        background.add_task(fail)

    async with client_for(app) as client:
        assert (await client.get("/later")).status_code == 200

    crashes = [line for line in lines(output) if "exception" in line]
    assert [crash["event"] for crash in crashes] == ["unhandled_error"]


@pytest.mark.error_path
def test_uvicorn_does_not_log_an_error_that_is_already_logged(output: io.BytesIO) -> None:
    error = RuntimeError("test error")
    mark_as_logged(error)

    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)

    assert lines(output) == []


def test_messages_below_the_configured_level_are_not_logged(settings: Settings) -> None:
    with logged(settings, log_level="error") as output:
        get_logger("app.test").warning("unseen")
        logging.getLogger("app.test").warning("unseen")

    assert output.getvalue() == b""


def test_the_console_format_is_plain_text(settings: Settings) -> None:
    with logged(settings, log_level="info", log_format="console") as output:
        get_logger("app.test").info("hello", name="ann")
        logging.getLogger("app.test").info("hello")

    assert output.getvalue().count(b"hello") == 2
    assert b"{" not in output.getvalue()


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_contains_no_local_variables(settings: Settings, form: str) -> None:
    def fail(pin: str) -> None:
        raise ValueError(f"the value has {len(pin)} characters")

    with logged(settings, log_level="info", log_format=form) as output:
        try:
            fail("1234" * 2)  # The traceback shows this line, but must not show the value.
        except ValueError:
            get_logger("test").exception("failed")

    assert b"ValueError: the value has 8 characters" in output.getvalue()
    assert b"12341234" not in output.getvalue()
