"""Leases: locks in Redis that expire if the holder does not release them."""

from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Lease:
    """A Redis key whose value is a random token that only the holder of the lease knows."""

    def __init__(self, key: str, seconds: float) -> None:
        self.key = key
        self._milliseconds = round(seconds * 1000)
        self._token = uuid4().hex

    async def acquire(self, redis: Redis) -> bool:
        """Acquire the lease unless it is already held. Return whether the lease was acquired."""
        acquired: Any = await redis.set(self.key, self._token, nx=True, px=self._milliseconds)
        return bool(acquired)

    async def release(self, redis: Redis) -> None:
        """Delete the key, unless the lease has expired and another holder has acquired it."""
        await redis.eval(RELEASE, 1, self.key, self._token)
