"""Leases: locks in Redis that expire if the holder does not release them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A Redis key whose value is a random token that only the holder of the lease knows."""

    key: str
    seconds: float
    token: str = field(default_factory=lambda: uuid4().hex)

    async def acquire(self, redis: Redis) -> bool:
        """Acquire the lease unless it is already held. Return whether the lease was acquired."""
        milliseconds = round(self.seconds * 1000)
        acquired: Any = await redis.set(self.key, self.token, nx=True, px=milliseconds)
        return bool(acquired)

    async def release(self, redis: Redis) -> None:
        """Delete the key, unless the lease has expired and another holder has acquired it."""
        await redis.eval(RELEASE, 1, self.key, self.token)
