from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, HTTPException, WebSocket, status

from app.core.errors import ServiceUnavailableError
from app.core.events.hub import Subscriber
from app.dependencies import ResourcesDep
from app.features.events.channels import channels
from app.features.events.exceptions import TooManyConnectionsError
from app.features.events.service import EventService
from app.features.events.subscriber import MAX_CONNECTIONS_EACH, get_subscriber

MAX_CONNECTIONS = 10_000
"""Of one process."""


async def check_origin(websocket: WebSocket, resources: ResourcesDep) -> None:
    """Keep foreign pages out: browsers let every page connect, and CORS has no say in it.

    What is no browser sends no origin, and does not need one.
    """
    scheme = {"ws": "http", "wss": "https"}[websocket.url.scheme]
    allowed = {*resources.settings.cors_origins, f"{scheme}://{websocket.headers.get('host')}"}
    origins = websocket.headers.getlist("origin")
    if "*" not in allowed and not allowed.issuperset(origins):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "That origin is not allowed.")


async def get_connected(
    subscriber: Annotated[Subscriber, Depends(get_subscriber)], resources: ResourcesDep
) -> AsyncGenerator[Subscriber]:
    """One more connection, if there may be one more."""
    hub = resources.hub
    if hub.count(subscriber.key) >= MAX_CONNECTIONS_EACH:
        raise TooManyConnectionsError
    if hub.count() >= MAX_CONNECTIONS:
        raise ServiceUnavailableError("Too many connections.")
    with hub.connected(subscriber):
        yield subscriber


SubscriberDep = Annotated[Subscriber, Depends(get_connected)]


async def get_event_service(subscriber: SubscriberDep) -> EventService:
    return EventService(subscriber, channels())


EventServiceDep = Annotated[EventService, Depends(get_event_service)]


async def only_with_docs(resources: ResourcesDep) -> None:
    if not resources.settings.docs_enabled:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
