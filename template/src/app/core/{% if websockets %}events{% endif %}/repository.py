"""Announcing what changes, for the repository of any feature."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, SerializeAsAny

from app.core.effects import OWNER, ObservedRepository
from app.core.events.hub import Announcement
from app.core.models import Entity
from app.shared.schemas import AppSchema

CHANNELS: set[str] = set()
"""All that some repository announces changes on."""

type Change = Literal["created", "updated", "deleted"]


class Event(BaseModel):
    """Something has changed; `data` is the row, as a response shows it."""

    type: Literal["event"] = "event"
    channel: str
    event: Change
    data: SerializeAsAny[AppSchema]


class AnnouncedChanges[Model: Entity](ObservedRepository[Model]):
    """Announces every change once it is committed.

    The rows of a model with an `owner_id` are announced to their owners and to admins, those of
    any other model to everyone.
    """

    channel: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        CHANNELS.add(cls.channel)

    async def create(self, values: Mapping[str, Any]) -> Model:
        row = await super().create(values)
        self._announce("created", row)
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any], **filters: object) -> Model:
        row = await super().update(row_id, values, **filters)
        if values:
            self._announce("updated", row)
        return row

    async def delete(self, row_id: UUID, **filters: object) -> Model:
        row = await super().delete(row_id, **filters)
        self._announce("deleted", row)
        return row

    def _announce(self, change: Change, row: Model) -> None:
        event = Event(channel=self.channel, event=change, data=self.schema.model_validate(row))
        announcement = Announcement(
            channel=self.channel,
            message=event.model_dump_json(),
            is_public=not hasattr(self.model, OWNER),
            owner_id=getattr(row, OWNER, None),
        )
        self._effects.add(self._effects.hub.publish, announcement)
