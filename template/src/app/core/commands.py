"""What commands share: settings, a database, and errors to read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from dotenv import dotenv_values
from pydantic import ValidationError

from app.config import Settings, example_settings, get_settings


def fail(message: str) -> NoReturn:
    """End the command with a message and exit code 1."""
    sys.exit(message)


def describe(error: ValidationError) -> str:
    """What is wrong, a line each, without the values: one may be a secret."""
    lines = [f"  {'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
    return "\n".join(lines)


def load_settings() -> Settings:
    """The settings; where some are missing or weak, names each and ends the command."""
    try:
        return get_settings()
    except ValidationError as exc:
        problems = [f"  {str(part['loc'][0]).upper()}: {part['msg']}" for part in exc.errors()]
        fail("\n".join(["The settings are not valid:", *problems]))


@contextmanager
def development_database() -> Iterator[None]:
    """Where no database is configured, and only in development, bring one of our own."""
    if _configured("ENVIRONMENT") == "development" and not _configured("DATABASE_URL"):
        from app_dev.database import kept_database

        with kept_database() as url:
            os.environ["DATABASE_URL"] = url
            yield
    else:
        yield


@contextmanager
def migrated_scratch_database() -> Iterator[Settings]:
    """Settings that name an empty database with every migration applied, gone afterwards."""
    from app.core import migrations
    from app_dev.database import scratch_database

    with scratch_database(_configured("DATABASE_URL")) as url:
        settings = example_settings(database_url=url)
        migrations.upgrade(settings)
        yield settings


def _configured(name: str) -> str | None:
    return os.environ.get(name) or dotenv_values(".env").get(name)
