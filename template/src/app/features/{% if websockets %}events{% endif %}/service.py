from collections.abc import Collection

from pydantic import ValidationError

from app.core.events.hub import Subscriber
from app.features.events.schemas import (
    Error,
    Ping,
    Pong,
    Reply,
    Subscribe,
    Subscribed,
    Unsubscribed,
    client_message,
)
from app.shared.responses import error_code


class EventService:
    """Handles the messages of one WebSocket connection and returns a reply to each message."""

    def __init__(self, subscriber: Subscriber, channels: Collection[str]) -> None:
        self._subscriber = subscriber
        self._channels = channels

    def answer(self, data: bytes) -> Reply:
        try:
            message = client_message.validate_json(data)
        except ValidationError as exc:
            # The reply omits Pydantic's error text, which would repeat the client's input.
            if exc.errors(include_input=False)[0]["type"] == "json_invalid":
                return _error(400, "The message is not valid JSON.")
            return _error(
                422, "Invalid message. Send subscribe or unsubscribe with a channel, or ping."
            )
        if isinstance(message, Ping):
            return Pong()
        if message.channel not in self._channels:
            names = ", ".join(sorted(self._channels))
            return _error(404, f"Unknown channel. The available channels are: {names}.")
        if isinstance(message, Subscribe):
            self._subscriber.channels.add(message.channel)
            return Subscribed(channel=message.channel)
        self._subscriber.channels.discard(message.channel)
        return Unsubscribed(channel=message.channel)


def _error(status_code: int, message: str) -> Error:
    return Error(code=error_code(status_code), message=message)
