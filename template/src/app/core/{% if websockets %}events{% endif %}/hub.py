"""Fan-out of events to the WebSocket connections of this process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel

MAX_MESSAGE_BYTES = 64 * 1024
"""Maximum size of a WebSocket message from a client, in bytes."""

QUEUE_SIZE = 100
"""Maximum number of messages in the send queue of one client, not counting socket buffers."""


class Announcement(BaseModel):
    """A serialized event, with the fields that determine which subscribers receive it."""

    channel: str
    message: str
    is_public: bool
    owner_id: UUID | None
    """Id of the row's owner.

    If `owner_id` is None and `is_public` is false, only admins receive the event.
    """


class CloseReason(NamedTuple):
    """A WebSocket close code (RFC 6455, section 7.4, or the IANA registry) and its reason text."""

    code: int
    reason: str


TOO_SLOW = CloseReason(1013, "The client read too slowly. Reconnect, then read the list again.")


@dataclass(eq=False)
class Subscriber:
    """A WebSocket connection, with its subscribed channels, permissions and send queue."""

    key: str
    """Identifies the client, so that the hub can count the connections of each client."""
    _: KW_ONLY
    sees_all: bool
    user_id: UUID | None = None
    lifetime: float | None = None
    """Seconds until the server closes the connection, or None for no limit."""
    channels: set[str] = field(default_factory=set)
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_SIZE))
    close_reason: asyncio.Future[CloseReason] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def close(self, reason: CloseReason) -> None:
        """Close the connection with `reason`, unless the connection is already being closed."""
        if not self.close_reason.done():
            self.close_reason.set_result(reason)

    def sees(self, announcement: Announcement) -> bool:
        return (
            self.sees_all
            or announcement.is_public
            or (self.user_id is not None and self.user_id == announcement.owner_id)
        )

    def enqueue(self, message: str) -> None:
        """Add a message to the send queue, or close the connection if the queue is full."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)


class Hub:
    """The subscribers in this process. Each open WebSocket connection is one subscriber."""

    def __init__(self) -> None:
        self._by_key: defaultdict[str, set[Subscriber]] = defaultdict(set)

    @contextmanager
    def connected(self, subscriber: Subscriber) -> Iterator[None]:
        subscribers = self._by_key[subscriber.key]
        subscribers.add(subscriber)
        try:
            yield
        finally:
            subscribers.remove(subscriber)
            if not subscribers:
                del self._by_key[subscriber.key]

    def subscribers(self) -> Iterator[Subscriber]:
        for subscribers in self._by_key.values():
            yield from subscribers

    def count(self, key: str | None = None) -> int:
        """Return the number of connections of one client, or of all clients if `key` is None."""
        if key is None:
            return sum(map(len, self._by_key.values()))
        return len(self._by_key.get(key, ()))

    async def deliver(self, announcement: Announcement) -> None:
        """Queue the event for every subscriber of the channel who is allowed to see the row."""
        for subscriber in self.subscribers():
            if announcement.channel in subscriber.channels and subscriber.sees(announcement):
                subscriber.enqueue(announcement.message)
        # Yield to the event loop, so that this event is sent before the next event is queued.
        # Otherwise, a burst of events would fill the queues of fast clients and disconnect them.
        await asyncio.sleep(0)
