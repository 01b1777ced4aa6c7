"""Tests of the SQL statement count and duration in the request log, with a real database."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fastapi import FastAPI

from app.config import Settings
from app.core.database import EVERYTHING, Database
from app.core.database.query_log import query_log
from app.features.items.repository import ItemRepository
from app.features.items.schemas import ItemListParams
from app.main import create_app
from tests.support.apps import client_for, resources_of, running_app
from tests.support.database import execute
from tests.unit.test_logging import logged

VALUE = "confidential text"


@pytest.fixture
async def app(
    committing_settings: Settings, request: pytest.FixtureRequest
) -> AsyncGenerator[FastAPI]:
    """An application with `ENVIRONMENT=development`, or with the environment in `request.param`."""
    environment = getattr(request, "param", "development")
    app = create_app(committing_settings.model_copy(update={"environment": environment}))
    resources = resources_of(app)

    @app.get("/create/{count}")
    async def create(count: int) -> None:
        for _ in range(count):
            async with resources.database.transaction() as unit:
                await ItemRepository(unit, EVERYTHING).create({"title": VALUE})

    @app.get("/search")
    async def search(q: str) -> None:
        async with resources.database.reading() as unit:
            await ItemRepository(unit, EVERYTHING).search(ItemListParams(q=q))

    @app.get("/ping/{count}")
    async def ping(count: int) -> None:
        for _ in range(count):
            await resources.database.ping()

    @app.get("/fail")
    async def fail() -> None:
        async with resources.database.transaction() as unit:
            await execute(unit.session, "SELECT id FROM missing")

    async with running_app(app):
        yield app


async def log_of(app: FastAPI, *paths: str) -> list[dict[str, Any]]:
    """Send GET requests for the paths in parallel, and return the log lines."""
    settings: Settings = resources_of(app).settings
    with logged(settings, log_level="info") as output:
        async with client_for(app) as client:
            await asyncio.gather(*(client.get(path) for path in paths))
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/health", 0),
        ("/ready", 1),
        ("/create/1", 1),  # BEGIN and COMMIT are not counted.
        ("/search?q=text", 2),  # One statement reads a page, and one counts all rows.
    ],
)
async def test_the_log_line_of_a_request_contains_its_queries_and_their_duration(
    app: FastAPI, path: str, queries: int
) -> None:
    [line] = await log_of(app, path)

    assert (line["event"], line["status_code"]) == ("request_completed", 200)
    assert line["queries"] == queries
    assert (line["database_ms"] > 0) is (queries > 0)
    assert line["database_ms"] <= line["duration_ms"]


@pytest.mark.error_path
async def test_a_query_that_fails_is_counted(app: FastAPI) -> None:
    *_, line = await log_of(app, "/fail")

    assert line["status_code"] == 500
    assert line["queries"] == 1


@pytest.mark.error_path
async def test_logs_a_warning_without_values_if_a_request_executes_a_statement_eleven_times(
    app: FastAPI,
) -> None:
    warning, line = await log_of(app, "/create/11")

    assert (warning["event"], warning["level"]) == ("repeated_query", "warning")
    assert warning["request_id"] == line["request_id"]
    assert warning["statement"].startswith("INSERT INTO")
    assert VALUE not in json.dumps(warning)
    assert warning["count"] == line["queries"] == 11


async def test_logs_no_warning_if_a_request_executes_a_statement_ten_times(app: FastAPI) -> None:
    [line] = await log_of(app, "/create/10")

    assert line["queries"] == 10


async def test_the_queries_of_parallel_requests_are_counted_separately(app: FastAPI) -> None:
    expected = {f"/ping/{count}": count for count in range(1, 9)}

    lines = await log_of(app, *expected)

    assert {line["path"]: line["queries"] for line in lines} == expected


@pytest.mark.error_path
@pytest.mark.parametrize("app", ["staging", "production"], indirect=True)
async def test_the_log_contains_no_queries_outside_development(app: FastAPI) -> None:
    [line] = await log_of(app, "/ping/11")

    assert line["event"] == "request_completed"
    assert line.keys() & {"queries", "database_ms"} == set()


@pytest.mark.parametrize(("environment", "queries"), [("development", 1), ("production", 0)])
async def test_statements_are_observed_only_in_development(
    committing_settings: Settings, environment: str, queries: int
) -> None:
    settings = committing_settings.model_copy(update={"environment": environment})

    async with Database.connect(settings) as database:
        with query_log() as log:
            await database.ping()

    assert log.queries == queries
