from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, HTTPException, WebSocket, status

from app.core.errors import ServiceUnavailableError
from app.core.events.hub import Subscriber
from app.dependencies import ResourcesDep
from app.features.events.exceptions import TooManyConnectionsError
from app.features.events.subscriber import MAX_CONNECTIONS_PER_CLIENT, get_subscriber

MAX_CONNECTIONS = 10_000
"""Maximum number of open WebSocket connections per process."""


async def check_origin(websocket: WebSocket, resources: ResourcesDep) -> None:
    """Reject a WebSocket handshake if its `Origin` header is not allowed.

    Browsers do not apply CORS to WebSockets, so the server has to check the origin. Browsers always
    send an `Origin` header, so a handshake without one comes from another kind of client and is
    accepted.
    """
    scheme = {"ws": "http", "wss": "https"}[websocket.url.scheme]
    allowed = {*resources.settings.cors_origins, f"{scheme}://{websocket.headers.get('host')}"}
    origins = websocket.headers.getlist("origin")
    if "*" not in allowed and not allowed.issuperset(origins):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This origin may not open a connection.")


async def get_connected_subscriber(
    subscriber: Annotated[Subscriber, Depends(get_subscriber)], resources: ResourcesDep
) -> AsyncGenerator[Subscriber]:
    """Register the WebSocket connection with the hub, and remove it when the connection closes.

    Raise an error if the client or the process already has too many open connections.
    """
    hub = resources.hub
    if hub.count(subscriber.key) >= MAX_CONNECTIONS_PER_CLIENT:
        raise TooManyConnectionsError
    if hub.count() >= MAX_CONNECTIONS:
        raise ServiceUnavailableError("The server has too many open connections. Try again later.")
    with hub.connected(subscriber):
        yield subscriber


SubscriberDep = Annotated[Subscriber, Depends(get_connected_subscriber)]


async def require_docs(resources: ResourcesDep) -> None:
    """Raise a 404 error if `DOCS_ENABLED` is off, because the demo page is part of the API docs."""
    if not resources.settings.docs_enabled:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
