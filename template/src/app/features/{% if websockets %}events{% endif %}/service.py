from pydantic import ValidationError

from app.core.events.hub import Subscriber
from app.features.events.channels import channels
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


def handle_message(subscriber: Subscriber, data: bytes) -> Reply:
    """Handle a message from a WebSocket client, and return the reply to the message."""
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
    if message.channel not in channels():
        names = ", ".join(sorted(channels()))
        return _error(404, f"Unknown channel. The available channels are: {names}.")
    if isinstance(message, Subscribe):
        subscriber.channels.add(message.channel)
        return Subscribed(channel=message.channel)
    subscriber.channels.discard(message.channel)
    return Unsubscribed(channel=message.channel)


def _error(status_code: int, message: str) -> Error:
    return Error(code=error_code(status_code), message=message)
