"""The database session: a Tortoise context with a single connection."""

from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import ConnectionHandler
from tortoise.context import TortoiseContext

CONFIG: dict[str, dict[str, Any]] = {
    "connections": {"default": {"engine": "app.core.database.engine", "credentials": {}}},
    "apps": {"app": {"models": ["app.models"], "migrations": "migrations.versions"}},
}
"""Tortoise's configuration, in which one Tortoise app contains all models.

Queries do not use the `default` connection, because `OneConnection` returns the session's
connection instead.
"""


class OneConnection(ConnectionHandler):
    """A connection handler that returns the session's connection for every connection alias."""

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self._init_config(CONFIG["connections"])
        self._client = client

    def get(self, _alias: str) -> BaseDBAsyncClient:
        return self._client


class Session(TortoiseContext):
    """Runs queries on one database connection: `await Item.all().using_db(session.client)`.

    Without `using_db`, Tortoise runs a query on the connection of the most recently opened session,
    which may be the wrong connection if two sessions are open.
    """

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self.client = client
        self._connections = OneConnection(client)
