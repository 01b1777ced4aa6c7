"""What is logged of SQL: the statements, where `DEBUG` is on, and never a value."""

import logging


def log_statements(*, wanted: bool) -> None:
    logger = logging.getLogger("tortoise.db_client")
    logger.setLevel("DEBUG" if wanted else "WARNING")
    logger.addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    """Tortoise has a statement's values behind it, a password's hash too."""
    if record.args:
        (record.msg, *_), record.args = record.args, None
    record.levelno, record.levelname = logging.INFO, "INFO"
    return True
