"""Logs SQL statements, but not their parameter values, if the `DEBUG` setting is on."""

import logging


def log_statements(*, wanted: bool) -> None:
    logger = logging.getLogger("tortoise.db_client")
    logger.setLevel("DEBUG" if wanted else "WARNING")
    logger.addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    """Remove the parameter values from a log record, because they may contain secrets."""
    if record.args:
        (record.msg, *_), record.args = record.args, None
    record.levelno, record.levelname = logging.INFO, "INFO"
    return True
