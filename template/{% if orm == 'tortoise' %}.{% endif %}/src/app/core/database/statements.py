"""Logs SQL statements without their values if the setting `DEBUG` is on."""

import logging


def log_statements(*, wanted: bool) -> None:
    logger = logging.getLogger("tortoise.db_client")
    logger.setLevel("DEBUG" if wanted else "WARNING")
    logger.addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    """Remove the values, including secrets, that Tortoise logs after each statement."""
    if record.args:
        (record.msg, *_), record.args = record.args, None
    record.levelno, record.levelname = logging.INFO, "INFO"
    return True
