"""Fixtures for all tests.

The database is a real one: on the server of `DATABASE_URL` where the environment has it, else on
one of our own. Either way the tests make a database for themselves and drop it at the end.
"""

import logging
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.core import migrations
from app.core.database import Database
from app.dependencies import get_database
from app.main import create_app
from app_dev.database import scratch_database

logging.getLogger("httpx2").setLevel("WARNING")  # the tests' own client

pytest_plugins = ["tests.database"]

SAD_SHARE = 0.4
"""How many of the tests, at least, must be about something that goes wrong."""


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings that name a database in which nothing is ever committed."""
    with _migrated_database(os.environ.get("DATABASE_URL")) as settings:
        yield settings


@pytest.fixture(scope="module")
def committing_settings(settings: Settings) -> Iterator[Settings]:
    """Settings that name another database, for a module whose tests do commit."""
    with _migrated_database(settings.database_url.get_secret_value()) as other:
        yield other


@contextmanager
def _migrated_database(server: str | None) -> Iterator[Settings]:
    with scratch_database(server) as url:
        settings = Settings(
            _env_file=None,
            environment="development",
            database_url=url,
            allowed_hosts=["test"],
            cors_origins=["https://app.example.com"],
            log_level="critical",
        )
        migrations.upgrade(settings)
        yield settings


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def app(shared_app: FastAPI, database: Database) -> Iterator[FastAPI]:
    """The application, on this test's transaction."""
    shared_app.dependency_overrides[get_database] = lambda: database
    yield shared_app
    shared_app.dependency_overrides.clear()


@pytest.fixture
async def client(app: FastAPI) -> AsyncGenerator[AsyncClient]:
    async with client_of(app) as client:
        yield client


def client_of(app: FastAPI) -> AsyncClient:
    """A client that calls the application in process, without its lifespan."""
    return AsyncClient(transport=ASGITransport(app), base_url="http://test")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run in which too few tests look at what goes wrong."""
    config = session.config
    sad = sum(item.get_closest_marker("sad") is not None for item in session.items)
    share = sad / max(len(session.items), 1)
    whole = not (config.option.keyword or config.option.markexpr or config.option.file_or_dir)
    config.stash[SAD_REPORT] = f"{sad} of {len(session.items)} tests are sad paths ({share:.0%})"
    if whole and session.testscollected and share < SAD_SHARE:
        config.stash[SAD_REPORT] += f", fewer than {SAD_SHARE:.0%}"
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    terminalreporter.write_line(config.stash[SAD_REPORT])


SAD_REPORT = pytest.StashKey[str]()
