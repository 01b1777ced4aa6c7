"""The session: a context of Tortoise that contains one connection."""

from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import ConnectionHandler
from tortoise.context import TortoiseContext

CONFIG: dict[str, dict[str, Any]] = {
    "connections": {"default": {"engine": "app.core.database.engine", "credentials": {}}},
    "apps": {"app": {"models": ["app.models"], "migrations": "migrations.versions"}},
}
"""The configuration of Tortoise: one app, whose queries run on the connection of a session."""


class OneConnection(ConnectionHandler):
    """Returns the session's connection wherever Tortoise looks up a connection."""

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self._init_config(CONFIG["connections"])
        self._client = client

    def get(self, _alias: str) -> BaseDBAsyncClient:
        return self._client


class Session(TortoiseContext):
    """A connection on which queries run: `await Item.all().using_db(session.client)`.

    An open session is Tortoise's current context, in which queries are built. Each query still
    names its client, so that it runs on the right connection if two sessions are open.
    """

    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__()
        self.client = client
        self._connections = OneConnection(client)
