"""Publishes an event for each committed change of a row, for all features."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from pydantic import BaseModel, SerializeAsAny

from app.core.database.changes import Change, Kind
from app.core.database.scope import OWNER
from app.core.events.hub import Announcement
from app.shared.schemas import AppSchema


class Event(BaseModel):
    """The message that reports a changed row. `data` is the row as a response shows it."""

    type: Literal["event"] = "event"
    channel: str
    event: Kind
    data: SerializeAsAny[AppSchema]


class Announcer:
    """Publishes each committed change on the channel that is named after its resource.

    Changes of a model with an owner column go only to the owner and to admins. Changes of other
    models go to every subscriber of the channel.
    """

    def __init__(self, publish: Callable[[Announcement], Awaitable[None]]) -> None:
        self._publish = publish

    async def announce(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self._publish(_announcement(change))


def _announcement(change: Change) -> Announcement:
    channel, schema = change.resource.name, change.resource.schema
    event = Event(channel=channel, event=change.kind, data=schema.model_validate(change.row))
    return Announcement(
        channel=channel,
        message=event.model_dump_json(),
        is_public=not hasattr(change.row, OWNER),
        owner_id=getattr(change.row, OWNER, None),
    )
