import io
import json
import logging
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from tests.support.apps import client_of


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


@pytest.mark.error_path
async def test_a_crash_is_logged_with_its_traceback(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_of(logging_app) as client:
        await client.get("/crash", headers={"X-Request-ID": "r-2"})

    crash, completed = lines(output)
    assert (crash["event"], crash["request_id"]) == ("unhandled_error", "r-2")
    assert "RuntimeError: out of paper" in crash["exception"]
    assert completed["status_code"] == 500


@pytest.mark.error_path
async def test_a_server_error_is_logged_with_its_traceback(
    settings: Settings, output: io.BytesIO
) -> None:
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    @app.get("/internal")
    async def internal() -> None:
        raise ServiceUnavailableError("away") from ConnectionResetError("db-7")

    # The module's own logger may have been used before, and then keeps its first output.
    with patch("app.core.errors.logger", get_logger("app.core.errors")):
        async with client_of(app) as client:
            await client.get("/internal")

    error, _ = lines(output)
    assert (error["event"], error["message"]) == ("server_error", "away")
    assert "ConnectionResetError: db-7" in error["exception"]


@pytest.mark.error_path
async def test_a_secret_never_reaches_the_log(logging_app: FastAPI, output: io.BytesIO) -> None:
    headers = {"Authorization": "Bearer hunter2", "Cookie": "s=hunter2"}

    async with client_of(logging_app) as client:
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


def test_what_is_no_secret_stays(output: io.BytesIO) -> None:
    get_logger("app.test").info("seen", token_type="bearer", tokens_left=3, author="ann")

    line = lines(output)[0]
    assert (line["token_type"], line["tokens_left"], line["author"]) == ("bearer", 3, "ann")


@pytest.mark.error_path
async def test_a_line_break_in_a_path_makes_no_line_of_its_own(
    logging_app: FastAPI, output: io.BytesIO
) -> None:
    async with client_of(logging_app) as client:
        await client.get('/x%0A{"event":"forged"}')

    assert len(lines(output)) == 1


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


class Unreadable(Mapping[str, int]):
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


class Stuck(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError


ODD = {
    "class": object,
    "set": {1: {2, 3}},
    "long integer": 2**64,
    "tuple key": {(1, 2): "x"},
    "pair": ({"a": 1}, 2),
    "enumeration": Shape,
    "very long integer": 10**5000,
    "cycle": cycle(),
    "wide cycle": wide_cycle(),
    "failing repr of a key": {Unprintable(): 1},
    "failing mapping": Unreadable(),
    "failing list": Stuck([1]),
    "deep": json.loads("[" * 500 + "]" * 500),
    "surrogate": "\ud800",
    "surrogate key": {"\ud800": 1},
    "failing repr": Unprintable(),
    "bytes": b"\xff",
    "not a number": float("nan"),
}


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_whatever_is_logged_is_one_line(settings: Settings, form: str, value: Any) -> None:
    with logged(settings, log_level="info", log_format=form) as output:
        get_logger("app.test").info("odd", value=value)
        logging.getLogger("app.test").warning("odd", extra={"value": value})

    assert output.getvalue().count(b"odd") == 2
    assert len(output.getvalue().splitlines()) == 2


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_whatever_is_bound_to_every_line_is_one_line(
    settings: Settings, form: str, value: Any
) -> None:
    with (
        logged(settings, log_level="info", log_format=form) as output,
        bound_contextvars(request_id="abc", value=value),
    ):
        get_logger("app.test").info("odd")
        logging.getLogger("app.test").warning("odd")

    assert output.getvalue().count(b"odd") == 2
    assert output.getvalue().count(b"abc") == 2
    assert len(output.getvalue().splitlines()) == 2


@pytest.mark.error_path
def test_arguments_that_do_not_fit_their_message_are_still_a_line(output: io.BytesIO) -> None:
    get_logger("app.test").info("%d files", "none")

    (line,) = lines(output)
    assert (line["event"], line["error"]) == ("log_failed", "TypeError")
    assert "%d files" in line["line"]


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("message", "expected"), [("%d files", "%d files"), (Unprintable(), "Unprintable")]
)
def test_a_message_that_cannot_be_formatted_is_still_a_line(
    output: io.BytesIO, message: object, expected: str
) -> None:
    record = logging.makeLogRecord({"name": "app.test", "msg": message, "args": ("none",)})

    for handler in logging.getLogger().handlers:
        if isinstance(handler, OutputHandler):  # not pytest's own, which raises
            handler.handle(record)

    (line,) = lines(output)
    assert expected in line["event"]
    assert line["logger"] == "app.test"


@pytest.mark.error_path
@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_line_that_cannot_be_written_fails_no_request(
    settings: Settings, form: str
) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: Any) -> int:
            raise OSError(28, "No space left on device")

    changes = {"log_level": "info", "log_format": form}
    with patch.object(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Full(), 1))):
        configure_logging(settings.model_copy(update=changes))
    with patch("app.main.configure_logging"):
        app = create_app(settings)

    async with client_of(app) as client:
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
            raise RuntimeError("out of paper")

        background.add_task(fail)

    async with client_of(app) as client:
        assert (await client.get("/later")).status_code == 200

    crashes = [line for line in lines(output) if "exception" in line]
    assert [crash["event"] for crash in crashes] == ["unhandled_error"]


@pytest.mark.error_path
def test_the_server_does_not_log_an_exception_again(output: io.BytesIO) -> None:
    error = RuntimeError("out of paper")
    mark_as_logged(error)

    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)

    assert lines(output) == []


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
