"""Helpers that start an application and create HTTP clients for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.core.database import Database
from app.resources import Resources


@asynccontextmanager
async def running_app(app: FastAPI, database: Database | None = None) -> AsyncGenerator[FastAPI]:
    """Run the lifespan of an application, because httpx2's `ASGITransport` does not run it.

    If `database` is given, it replaces the database that the application has opened.
    """
    async with app.router.lifespan_context(app):
        if database:
            use_database(app, database)
        yield app


def resources_of(app: FastAPI) -> Resources:
    resources: Resources = app.state.resources
    return resources


def use_database(app: FastAPI, database: Database) -> None:
    """Replace the database of a started application, but keep the cache and the subscribers."""
    resources = resources_of(app)
    database.cache = resources.database.cache
    database.subscribers = resources.database.subscribers
    resources.database = database


def client_for(app: FastAPI) -> AsyncClient:
    """Return an HTTP client that calls the application in the test process, without a network."""
    return AsyncClient(transport=ASGITransport(app), base_url="http://test")
