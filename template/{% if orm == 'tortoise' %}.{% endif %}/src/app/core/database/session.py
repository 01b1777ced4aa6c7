"""The session: what Tortoise takes as its context, with one connection in it."""

from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import ConnectionHandler
from tortoise.context import TortoiseContext

CONFIG: dict[str, dict[str, Any]] = {
    "connections": {"default": {"engine": "app.core.database.engine", "credentials": {}}},
    "apps": {"app": {"models": ["app.models"], "migrations": "migrations.versions"}},
}
"""Tortoise's: one app, all of whose queries run on the connection of a session."""


class OneConnection(ConnectionHandler):
    """Where Tortoise looks its connections up: finds the session's."""

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self._init_config(CONFIG["connections"])
        self._client = client

    def get(self, _alias: str) -> BaseDBAsyncClient:
        return self._client


class Session(TortoiseContext):
    """A connection, on which queries run: `await Item.all().using_db(session.client)`.

    While it is open it is Tortoise's current context, which a query is built in. The client is
    named all the same: of two open sessions a query never gets the wrong one.
    """

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self.client = client
        self._connections = OneConnection(client)
