"""The hub: fan-out of events to the WebSocket connections of this process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel

MAX_MESSAGE_BYTES = 64 * 1024
"""Largest message that a client may send, in bytes."""

QUEUE_SIZE = 100
"""Messages that may wait for one client, in addition to those in the socket's buffers."""


class Announcement(BaseModel):
    """A serialized event, with the channel and the owner that decide who receives it."""

    channel: str
    message: str
    is_public: bool
    owner_id: UUID | None
    """The owner of the row. If it is None and the event is not public, only admins receive it."""


class CloseReason(NamedTuple):
    """A WebSocket close code (RFC 6455, section 7.4, and the IANA registry) and a reason."""

    code: int
    reason: str


TOO_SLOW = CloseReason(1013, "The client read too slowly. Reconnect, then read the list again.")


class Subscriber:
    """A connection, with its subscribed channels, its permissions and its send queue."""

    def __init__(
        self,
        key: str,
        *,
        sees_all: bool,
        user_id: UUID | None = None,
        lifetime: float | None = None,
    ) -> None:
        self.key = key
        """Identifies the client, so that its connections can be counted."""
        self.user_id = user_id
        self.sees_all = sees_all
        self.lifetime = lifetime
        """Seconds until the connection is closed, or None for no limit."""
        self.channels: set[str] = set()
        self.queue = asyncio.Queue[str](QUEUE_SIZE)
        self.close_reason: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()

    def close(self, reason: CloseReason) -> None:
        """Close the connection with this reason, unless it is already being closed."""
        if not self.close_reason.done():
            self.close_reason.set_result(reason)

    def sees(self, announcement: Announcement) -> bool:
        return (
            self.sees_all
            or announcement.is_public
            or (self.user_id is not None and self.user_id == announcement.owner_id)
        )

    def enqueue(self, message: str) -> None:
        """Queue a message for the client. Close the connection if its queue is full."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)


class Hub:
    """The subscribers of this process, one for each open connection."""

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
        """Return the number of connections of one key, or of all keys."""
        if key is None:
            return sum(map(len, self._by_key.values()))
        return len(self._by_key.get(key, ()))

    async def deliver(self, announcement: Announcement) -> None:
        """Queue the event for every subscriber of its channel that may see the row."""
        for subscriber in self.subscribers():
            if announcement.channel in subscriber.channels and subscriber.sees(announcement):
                subscriber.enqueue(announcement.message)
        # Yield to the event loop, so that a burst does not disconnect clients that keep up.
        await asyncio.sleep(0)
