from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, HTTPException, WebSocket, status
from starlette.requests import HTTPConnection

from app.core.errors import ServiceUnavailableError
from app.core.events.hub import Hub, Subscriber
from app.dependencies import SettingsDep
from app.features.events.exceptions import TooManyConnectionsError
from app.features.events.service import EventService
from app.features.events.subscriber import MAX_CONNECTIONS_EACH, get_subscriber

MAX_CONNECTIONS = 10_000
"""Of one process."""


async def get_hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub


async def check_origin(websocket: WebSocket, settings: SettingsDep) -> None:
    """Keep foreign pages out: browsers let every page connect, and CORS has no say in it.

    What is no browser sends no origin, and does not need one.
    """
    scheme = {"ws": "http", "wss": "https"}[websocket.url.scheme]
    allowed = {*settings.cors_origins, f"{scheme}://{websocket.headers.get('host')}"}
    origins = websocket.headers.getlist("origin")
    if "*" not in allowed and not allowed.issuperset(origins):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "That origin is not allowed.")


async def get_connected(
    subscriber: Annotated[Subscriber, Depends(get_subscriber)],
    hub: Annotated[Hub, Depends(get_hub)],
) -> AsyncGenerator[Subscriber]:
    """One more connection, if there may be one more."""
    if hub.count(subscriber.key) >= MAX_CONNECTIONS_EACH:
        raise TooManyConnectionsError
    if hub.count() >= MAX_CONNECTIONS:
        raise ServiceUnavailableError("Too many connections.")
    with hub.connected(subscriber):
        yield subscriber


SubscriberDep = Annotated[Subscriber, Depends(get_connected)]


async def get_event_service(subscriber: SubscriberDep) -> EventService:
    return EventService(subscriber)


EventServiceDep = Annotated[EventService, Depends(get_event_service)]


async def only_with_docs(settings: SettingsDep) -> None:
    if not settings.docs_enabled:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
