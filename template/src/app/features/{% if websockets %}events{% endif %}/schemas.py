"""Schemas of WebSocket messages. The `type` field of a message selects its schema."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from app.shared.schemas import AppSchema, InputSchema

type ChannelName = Annotated[str, Field(max_length=100)]


class Subscribe(InputSchema):
    type: Literal["subscribe"]
    channel: ChannelName


class Unsubscribe(InputSchema):
    type: Literal["unsubscribe"]
    channel: ChannelName


class Ping(InputSchema):
    type: Literal["ping"]


class Subscribed(AppSchema):
    type: Literal["subscribed"] = "subscribed"
    channel: str


class Unsubscribed(AppSchema):
    type: Literal["unsubscribed"] = "unsubscribed"
    channel: str


class Pong(AppSchema):
    type: Literal["pong"] = "pong"


class Error(AppSchema):
    """The reply to a message that is invalid or exceeds the rate limit.

    `code` is one of the error codes of the HTTP API.
    """

    type: Literal["error"] = "error"
    code: str
    message: str


type ClientMessage = Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="type")]
type Reply = Subscribed | Unsubscribed | Pong | Error

client_message: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
