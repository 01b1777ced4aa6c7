"""Structured logs: one JSON line per event on stdout, uvicorn's own lines included."""

import logging
import logging.config
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import LogSettings

SECRET_KEYS = frozenset(
    {"password", "token", "access_token", "refresh_token", "secret", "authorization", "cookie"}
)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `logger: name`; made once per module, cheap to keep."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


def configure_logging(settings: LogSettings) -> None:
    """Route structlog and the standard library's logging to stdout in one form.

    structlog's own lines are written as bytes, past the standard library: a third of the cost.
    """
    console = settings.log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_secrets,
    ]
    if not console:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[
            _name_logger,
            *shared,
            structlog.dev.ConsoleRenderer() if console else _render_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=(
            structlog.PrintLoggerFactory(sys.stdout)
            if console
            else structlog.BytesLoggerFactory(sys.stdout.buffer)
        ),
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
            structlog.dev.ConsoleRenderer() if console else _render_json_text,
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structlog": formatter},
            "filters": {"queries": {"()": lambda: _cut_queries}},
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "structlog",
                }
            },
            "root": {"handlers": ["stdout"], "level": settings.log_level.upper()},
            "loggers": {
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.error": {
                    "handlers": [],
                    "propagate": True,
                    "filters": ["queries"],
                    # What it and its libraries say for debugging are headers, tokens among them.
                    "level": "INFO" if settings.log_level == "debug" else "NOTSET",
                },
                # `request_completed` says the same and more.
                "uvicorn.access": {"handlers": [], "propagate": True, "level": "WARNING"},
            },
        }
    )
    logging.captureWarnings(True)


def _cut_queries(record: logging.LogRecord) -> bool:
    """uvicorn names paths with their query, in which a client may have put a token."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
        )
    return True


def _name_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = event.pop("logger_name", None)  # `logger` itself is taken by structlog
    return event


def _redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in SECRET_KEYS & event.keys():
        event[key] = "[redacted]"
    return event


def _drop_uvicorn_colors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=_describe_value, option=orjson.OPT_NON_STR_KEYS)


def _render_json_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    return _render_json(logger, method, event).decode()


def _describe_value(value: Any) -> str:
    return repr(value)
