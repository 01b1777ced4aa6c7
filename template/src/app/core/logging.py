"""Structured logs on stdout, one JSON line per event, including the logs of uvicorn."""

import logging
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, BinaryIO, TextIO, cast

import orjson
import structlog
from pydantic import BaseModel
from structlog.typing import EventDict, Processor, WrappedLogger

from app.settings.service import LogSettings

SCALARS = (str, int, float, bool, type(None))
OPAQUE_TYPES = (bytes, bytearray, memoryview, type)
"""Types whose values are not logged as lists, even if the values are iterable."""

SECRET_KEY = re.compile(
    r"passw(or)?d|pwd|secret|authorization|cookie|credential|api_?key|private_?key"
    r"|(^|_)tokens?(_hash|_value)?$"
)
"""Pattern for keys whose values are never logged.

A key is converted to snake case before it is compared with the pattern.
"""

REDACTED = "[redacted]"
MAX_DEPTH, MAX_VALUES = 10, 1000
"""Maximum nesting depth and maximum number of elements of a logged value.

All elements after the first `MAX_VALUES` elements are omitted.
"""

LOG_METHODS = ("debug", "info", "warning", "error", "critical", "exception", "log")


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose log lines contain `name` in the field `logger`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


def configure_logging(settings: LogSettings) -> None:
    """Configure structlog and the standard library's `logging` to write the same format to stdout.

    structlog writes bytes directly to stdout, because the standard library's `logging` takes three
    times as long. Logging never raises an error: a value that cannot be rendered is replaced with
    its `repr`, and a line that cannot be written is dropped.
    """
    console = settings.log_format == "console"
    # structlog's default tracebacks take seconds to render, and show the values of variables.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    render = _render_console(plain) if console else _render_json
    output = Output(sys.stdout)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_secrets,
    ]
    if not console:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[_name_logger, *shared, render],
        wrapper_class=_tolerant_logger(settings.log_level),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", output)),
        cache_logger_on_first_use=True,
    )
    handler = OutputHandler(output)
    handler.formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            *shared,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _drop_uvicorn_colors,
            lambda *event: render(*event).decode(),
        ],
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The `request_completed` event of this service replaces uvicorn's access log.
    logging.getLogger("uvicorn.access").setLevel("WARNING")
    logging.getLogger("uvicorn.asgi").setLevel("NOTSET")
    # Debug lines of uvicorn and its libraries contain headers with secrets.
    errors = logging.getLogger("uvicorn.error")
    errors.setLevel("INFO" if settings.log_level == "debug" else "NOTSET")
    errors.addFilter(_adapt_uvicorn)
    logging.captureWarnings(True)


def _tolerant_logger(level: str) -> type[structlog.typing.FilteringBoundLogger]:
    """Return a logger class that logs the event `log_failed` if a line cannot be rendered."""
    filtering: Any = structlog.make_filtering_bound_logger(level)

    def tolerate(method: Callable[..., Any]) -> Callable[..., Any]:
        def log(self: Any, *args: Any, **values: Any) -> Any:
            try:
                return method(self, *args, **values)
            except Exception as exc:  # noqa: BLE001 # rendering an argument may raise any error
                with _context_as_text():
                    filtering.error(
                        self, "log_failed", line=_safe_repr(args)[:200], error=type(exc).__name__
                    )

        return log

    wrapped = {name: tolerate(getattr(filtering, name)) for name in LOG_METHODS}
    tolerant: type[structlog.typing.FilteringBoundLogger] = type("Logger", (filtering,), wrapped)
    return tolerant


def _context_as_text() -> AbstractContextManager[None]:
    """Replace structlog's context variables with their `repr`, which can always be rendered."""
    values = structlog.contextvars.get_contextvars().items()
    texts = {name: _safe_repr(value) for name, value in values if type(value) is not str}
    return structlog.contextvars.bound_contextvars(**texts)


class Output:
    """A binary stream that writes log lines to stdout.

    If the disk is full or the pipe is closed, the log line is lost, but the request still succeeds.
    """

    def __init__(self, stream: TextIO) -> None:
        # Keep a reference to the stream, because a garbage-collected stream closes its buffer.
        self._stream = stream

    def write(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.buffer.write(line)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.buffer.flush()


class OutputHandler(logging.Handler):
    """A handler that writes the log lines of the standard library's loggers to an `Output`."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 # formatting the record may raise any error
            text = f"A log line could not be formatted: {_safe_repr(record.msg)[:200]}"
            values = {"name": record.name, "levelname": record.levelname, "msg": text}
            with _context_as_text():
                line = self.format(logging.makeLogRecord(values))
        self._output.write(f"{line}\n".encode(errors="backslashreplace"))
        self._output.flush()


def mark_as_logged(error: BaseException) -> None:
    """Mark an exception as logged, so that uvicorn does not log it again."""
    with suppress(AttributeError):
        error.is_logged = True  # type: ignore[attr-defined]


def _adapt_uvicorn(record: logging.LogRecord) -> bool:
    """Drop uvicorn's log records for exceptions that have already been logged.

    Query strings may contain secrets, so they are removed from all other records.
    """
    if record.exc_info and getattr(record.exc_info[1], "is_logged", False):
        return False
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
        )
    return True


def _name_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = event.pop("logger_name", None)  # structlog reserves the name `logger`
    return event


def _redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if _is_secret(key):
            event[key] = REDACTED
        elif not isinstance(value, SCALARS):
            event[key] = _redact(value, MAX_DEPTH, iter(range(MAX_VALUES)))
    return event


def _redact(value: Any, depth: int, remaining: Iterator[int]) -> Any:
    """Return a copy of the value without secrets and with at most `depth` levels of nesting.

    Each copied element consumes one item of the iterator `remaining`. Once `remaining` is
    exhausted, all further elements are omitted.
    """
    if isinstance(value, SCALARS):
        return value
    parts = _fields_of(value)
    if parts is None and (isinstance(value, OPAQUE_TYPES) or not isinstance(value, Collection)):
        return value
    if depth == 0:
        return "[nested too deep]"
    if parts is not None:
        return {
            key: REDACTED if _is_secret(key) else _redact(part, depth - 1, remaining)
            for (key, part), _ in zip(parts.items(), remaining, strict=False)
        }
    match value:
        case [str() | bytes() as header, _] if _is_secret(header):
            return [header, REDACTED]
    return [_redact(part, depth - 1, remaining) for part, _ in zip(value, remaining, strict=False)]


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a mapping, pydantic model, dataclass or named tuple, otherwise None."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, type):
        return None
    if isinstance(value, BaseModel):
        return dict(value)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    return None


@lru_cache(maxsize=1024)
def _is_secret(key: object) -> bool:
    name = key.decode("latin-1") if isinstance(key, bytes) else key
    if not isinstance(name, str):
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_")
    return bool(SECRET_KEY.search(words.lower()))


def _drop_uvicorn_colors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=_safe_repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return orjson.dumps(_simplify(event))


def _render_console(renderer: Processor) -> Callable[[WrappedLogger, str, EventDict], bytes]:
    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        try:
            line = str(renderer(logger, method, dict(event)))
        except Exception:  # noqa: BLE001 # `__repr__` may raise any exception
            line = str(renderer(logger, method, _simplify(event)))
        return line.encode(errors="backslashreplace")

    return render


def _simplify(value: Any) -> Any:
    """Return a copy of the value that can be rendered as JSON.

    Surrogates are escaped. Integers of more than 63 bits and values of types that JSON does not
    have are replaced with their `repr`.
    """
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if value.bit_length() < 64 else _safe_repr(value)
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_simplify(str(key)): _simplify(part) for key, part in value.items()}
        case list():
            return [_simplify(part) for part in value]
        case _:
            return _simplify(_safe_repr(value))


def _safe_repr(value: Any) -> str:
    try:
        return repr(value).encode(errors="backslashreplace").decode()
    except Exception as exc:  # noqa: BLE001 # `__repr__` may raise any exception
        return f"<{type(value).__name__} whose repr raises {type(exc).__name__}>"
