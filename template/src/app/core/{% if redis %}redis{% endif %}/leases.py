"""Leases: Redis keys that one holder at a time owns, until they are released or expire."""

from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Lease:
    """A key that holds a random token, which only its owner knows."""

    def __init__(self, key: str, seconds: float) -> None:
        self.key = key
        self._milliseconds = round(seconds * 1000)
        self._token = uuid4().hex

    async def acquire(self, redis: Redis) -> bool:
        """Acquire the lease if no other holder owns the key. Return whether it was acquired."""
        acquired: Any = await redis.set(self.key, self._token, nx=True, px=self._milliseconds)
        return bool(acquired)

    async def release(self, redis: Redis) -> None:
        """Delete the key, unless the lease expired and another holder owns the key now."""
        await redis.eval(RELEASE, 1, self.key, self._token)
