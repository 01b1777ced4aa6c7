"""Events that report committed row changes to WebSocket clients."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from pydantic import BaseModel, SerializeAsAny

from app.core.database.changes import Change, Kind
from app.core.database.scope import OWNER
from app.core.events.hub import Announcement
from app.shared.schemas import AppSchema


class Event(BaseModel):
    """The WebSocket message that reports a created, updated or deleted row.

    `data` is the row, serialized as in the responses of the HTTP API.
    """

    type: Literal["event"] = "event"
    channel: str
    event: Kind
    data: SerializeAsAny[AppSchema]


async def announce(
    publish: Callable[[Announcement], Awaitable[None]], changes: Sequence[Change]
) -> None:
    """Publish an event for each committed row change.

    An event's channel is named after the resource of the changed row, for example `items`. If a
    model has an owner column, only the owner of the row and admins receive the event. If a model
    has no owner column, every subscriber of the channel receives the event.
    """
    for change in changes:
        if not change.resource.is_public:
            continue
        channel, schema = change.resource.name, change.resource.schema
        event = Event(channel=channel, event=change.kind, data=schema.model_validate(change.row))
        announcement = Announcement(
            channel=channel,
            message=event.model_dump_json(),
            is_public=not hasattr(change.row, OWNER),
            owner_id=getattr(change.row, OWNER, None),
        )
        await publish(announcement)
