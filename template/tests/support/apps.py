"""Applications and clients for tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.core.database import Database
from app.resources import Resources


@asynccontextmanager
async def started(app: FastAPI, database: Database | None = None) -> AsyncGenerator[FastAPI]:
    """An application within its lifespan, which a client in process does not start.

    If a database is given, it works on that one.
    """
    async with app.router.lifespan_context(app):
        if database:
            use_database(app, database)
        yield app


def resources_of(app: FastAPI) -> Resources:
    resources: Resources = app.state.resources
    return resources


def use_database(app: FastAPI, database: Database) -> None:
    """Let a started application work on another database, whose changes it is told of, too."""
    resources = resources_of(app)
    database.cache = resources.database.cache
    database.subscribers = resources.database.subscribers
    resources.database = database


def client_of(app: FastAPI) -> AsyncClient:
    """A client that calls the application in process."""
    return AsyncClient(transport=ASGITransport(app), base_url="http://test")
