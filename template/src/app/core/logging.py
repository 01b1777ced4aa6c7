"""Structured logs: one JSON line per event on stdout, uvicorn's own lines included."""

import logging
import logging.config
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
ATOMS = (bytes, bytearray, memoryview, type)
"""Collections that are logged as one value; a class is one of its members if it is an `Enum`."""

SECRET_KEY = re.compile(
    r"passw(or)?d|pwd|secret|authorization|cookie|credential|api_?key|private_?key"
    r"|(^|_)tokens?(_hash|_value)?$"
)
"""Keys whose values are never logged, at any depth; in lower case, words joined by `_`."""

REDACTED = "[redacted]"
MAX_DEPTH, MAX_VALUES = 10, 1000
"""Nesting of a logged value, and values in it. The rest, as of a cycle, is left out."""

METHODS = ("debug", "info", "warning", "error", "critical", "exception", "log")


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `logger: name`; made once per module, cheap to keep."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


def configure_logging(settings: LogSettings) -> None:
    """Route structlog and the standard library's logging to stdout in one form.

    structlog's own lines are written as bytes, past the standard library: a third of the cost.
    Logging never fails a request: what cannot be rendered is described, and a line that cannot be
    written is dropped.
    """
    console = settings.log_format == "console"
    render = _render_console(structlog.dev.ConsoleRenderer()) if console else _render_json
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
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            *shared,
        ],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _drop_uvicorn_colors,
            lambda *event: render(*event).decode(),
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structlog": formatter},
            "filters": {"uvicorn": {"()": lambda: _adapt_uvicorn}},
            "handlers": {"stdout": {"()": lambda: OutputHandler(output), "formatter": "structlog"}},
            "root": {"handlers": ["stdout"], "level": settings.log_level.upper()},
            "loggers": {
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.error": {
                    "handlers": [],
                    "propagate": True,
                    "filters": ["uvicorn"],
                    # Its debug lines, and those of its libraries, show headers with tokens.
                    "level": "INFO" if settings.log_level == "debug" else "NOTSET",
                },
                # `request_completed` has the same facts and more.
                "uvicorn.access": {"handlers": [], "propagate": True, "level": "WARNING"},
            },
        }
    )
    logging.captureWarnings(True)


def _tolerant_logger(level: str) -> type[structlog.typing.FilteringBoundLogger]:
    """structlog's class of loggers, but a line that cannot be made becomes one that says so."""
    filtering: Any = structlog.make_filtering_bound_logger(level)

    def tolerate(method: Callable[..., Any]) -> Callable[..., Any]:
        def log(self: Any, *args: Any, **values: Any) -> Any:
            try:
                return method(self, *args, **values)
            except Exception as exc:  # noqa: BLE001 # arguments of a caller may raise anything
                with _described_context():
                    filtering.error(
                        self, "log_failed", line=_describe(args)[:200], error=type(exc).__name__
                    )

        return log

    wrapped = {name: tolerate(getattr(filtering, name)) for name in METHODS}
    tolerant: type[structlog.typing.FilteringBoundLogger] = type("Logger", (filtering,), wrapped)
    return tolerant


def _described_context() -> AbstractContextManager[None]:
    """Texts in place of other values that are bound to every line: one of them may be what fails."""
    values = structlog.contextvars.get_contextvars().items()
    texts = {name: _describe(value) for name, value in values if type(value) is not str}
    return structlog.contextvars.bound_contextvars(**texts)


class Output:
    """stdout for log lines, as bytes. A full disk or a closed pipe loses the line, not the request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream  # which closes its buffer when nothing refers to it any more

    def write(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.buffer.write(line)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.buffer.flush()


class OutputHandler(logging.Handler):
    """Writes the lines of the standard library's loggers to an `Output`."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 # such as arguments that do not fit the message
            text = f"a line that cannot be formatted: {_describe(record.msg)[:200]}"
            values = {"name": record.name, "levelno": record.levelno, "msg": text}
            plain = {**values, "levelname": record.levelname, "created": record.created}
            with _described_context():
                line = self.format(logging.makeLogRecord(plain))
        self._output.write(f"{line}\n".encode(errors="backslashreplace"))
        self._output.flush()


def mark_as_logged(error: BaseException) -> None:
    """Keep the server, which gets this exception next, from logging it again."""
    with suppress(AttributeError):
        error.is_logged = True  # type: ignore[attr-defined]


def _adapt_uvicorn(record: logging.LogRecord) -> bool:
    """Drop exceptions that are logged already, and cut queries, which may hold a token."""
    if record.exc_info and getattr(record.exc_info[1], "is_logged", False):
        return False
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
        )
    return True


def _name_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = event.pop("logger_name", None)  # `logger` itself is taken by structlog
    return event


def _redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if _is_secret(key):
            event[key] = REDACTED
        elif not isinstance(value, SCALARS):
            event[key] = _redact(value, MAX_DEPTH, iter(range(MAX_VALUES)))
    return event


def _redact(value: Any, depth: int, room: Iterator[int]) -> Any:
    """A copy without secrets, no deeper than `depth`, and no larger than `room`."""
    if isinstance(value, SCALARS):
        return value
    parts = _fields_of(value)
    if parts is None and (isinstance(value, ATOMS) or not isinstance(value, Collection)):
        return value
    if depth == 0:
        return "[nested too deep]"
    if parts is not None:
        return {
            key: REDACTED if _is_secret(key) else _redact(part, depth - 1, room)
            for (key, part), _ in zip(parts.items(), room, strict=False)
        }
    if _is_header(value) and _is_secret(value[0]):
        return [value[0], REDACTED]
    return [_redact(part, depth - 1, room) for part, _ in zip(value, room, strict=False)]


def _is_header(value: Any) -> bool:
    """Whether this may be a name and its value, as headers are in ASGI."""
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str | bytes)


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    """The named parts of a mapping, model, dataclass or named tuple; None for anything else."""
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
        return orjson.dumps(event, default=_describe, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return orjson.dumps(_simplify(event))


def _render_console(renderer: Processor) -> Callable[[WrappedLogger, str, EventDict], bytes]:
    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        try:
            line = str(renderer(logger, method, dict(event)))
        except Exception:  # noqa: BLE001 # a value's own `__repr__` may raise anything
            line = str(renderer(logger, method, _simplify(event)))
        return line.encode(errors="backslashreplace")

    return render


def _simplify(value: Any) -> Any:
    """What JSON can hold of a value: for surrogates, long integers, other keys, a failing repr."""
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if value.bit_length() < 64 else _describe(value)
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_simplify(str(key)): _simplify(part) for key, part in value.items()}
        case list():
            return [_simplify(part) for part in value]
        case _:
            return _simplify(_describe(value))


def _describe(value: Any) -> str:
    try:
        return repr(value).encode(errors="backslashreplace").decode()
    except Exception as exc:  # noqa: BLE001 # a value's own `__repr__` may raise anything
        return f"<{type(value).__name__} whose repr raises {type(exc).__name__}>"
