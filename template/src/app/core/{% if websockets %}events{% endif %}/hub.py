"""Who in this process is told what has changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel

MAX_MESSAGE_BYTES = 64 * 1024
"""The largest message that a client may send."""

QUEUE_SIZE = 100
"""Messages that may wait for one who reads slowly; beyond the socket's own buffers."""


class Announcement(BaseModel):
    """An event on its way: what is sent, once for all, and to whom."""

    channel: str
    message: str
    is_public: bool
    owner_id: UUID | None
    """Whose it is, where it is not public; None: nobody's, and for admins only."""


class CloseReason(NamedTuple):
    """Why a connection ends, as RFC 6455 and IANA's registry number it."""

    code: int
    reason: str


TOO_SLOW = CloseReason(1013, "Too slow: connect again, and read what has changed")


class Subscriber:
    """One connection: what it may see, what it wants to, and what waits to be sent to it."""

    def __init__(
        self,
        key: str,
        *,
        sees_all: bool,
        user_id: UUID | None = None,
        lifetime: float | None = None,
    ) -> None:
        self.key = key
        """Whose connections are counted together."""
        self.user_id = user_id
        self.sees_all = sees_all
        self.lifetime = lifetime
        """Seconds until it has to end; None: it may stay."""
        self.channels: set[str] = set()
        self.queue = asyncio.Queue[str](QUEUE_SIZE)
        self.ending: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()

    def end(self, ending: CloseReason) -> None:
        """The first reason counts."""
        if not self.ending.done():
            self.ending.set_result(ending)

    def sees(self, announcement: Announcement) -> bool:
        return (
            self.sees_all
            or announcement.is_public
            or (self.user_id is not None and self.user_id == announcement.owner_id)
        )

    def tell(self, message: str) -> None:
        """Queue a message, and give up one who has left too many unread."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.end(TOO_SLOW)


class Hub:
    """Every connection of this process."""

    def __init__(self) -> None:
        self._by_key: defaultdict[str, set[Subscriber]] = defaultdict(set)

    @contextmanager
    def connected(self, subscriber: Subscriber) -> Iterator[None]:
        mine = self._by_key[subscriber.key]
        mine.add(subscriber)
        try:
            yield
        finally:
            mine.remove(subscriber)
            if not mine:
                del self._by_key[subscriber.key]

    def subscribers(self) -> Iterator[Subscriber]:
        for subscribers in self._by_key.values():
            yield from subscribers

    def count(self, key: str | None = None) -> int:
        """How many connections there are, of one key or altogether."""
        if key is None:
            return sum(map(len, self._by_key.values()))
        return len(self._by_key.get(key, ()))

    async def deliver(self, announcement: Announcement) -> None:
        """Tell all in this process who want to know of it and may."""
        for subscriber in self.subscribers():
            if announcement.channel in subscriber.channels and subscriber.sees(announcement):
                subscriber.tell(announcement.message)
        # Of many events in a row nobody is too slow who reads whenever there is something.
        await asyncio.sleep(0)
