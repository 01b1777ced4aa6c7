"""What was read, kept in Redis for whoever asks next, in whichever process."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from redis.asyncio import Redis

from app import DISTRIBUTION
from app.core.redis.leases import Lease
from app.core.redis.server import RedisServer, RedisUnavailableError

LIFETIME = 60
"""Seconds that an entry is kept."""

LOADING_TIME = 10
"""Seconds for which one who loads an entry keeps others from it: a database may take as long."""

POLL_INTERVAL, MAX_WAIT = 0.02, 0.5
"""Seconds between two looks for what another loads, and after which it is loaded here after all."""

READ = """
local version = redis.call('GET', KEYS[1]) or '0'
return {version, redis.call('GET', KEYS[1] .. ':' .. version .. ':' .. ARGV[1])}
"""

DROP = """
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class Cache:
    """Entries under versioned keys: to drop one is to count its version up.

    So whoever read a row before it changed keeps it under a version that nobody asks for any more.
    """

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        # What could not be dropped while Redis was away, and when; before that nothing is read.
        self._owed: dict[str, float] = {}

    async def get(
        self, key: str, form: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> bytes | None:
        """The entry, or else what `load` gives, which is then kept unless it is None.

        `form` tells apart what different releases of the service keep under one key. Of many who
        ask at once for what is not there, one loads it, and the others wait for that.
        """
        try:
            with self._redis.use() as redis:
                entry, found, lease = await self._look_up(redis, _full(key), form)
        except RedisUnavailableError:
            return await load()
        if found is not None:
            return found
        loaded: bytes | None = None
        try:
            loaded = await load()
        finally:
            await self._keep(entry, loaded, lease)
        return loaded

    async def drop(self, key: str) -> None:
        """Forget the entry, in every process; where Redis is unavailable, as soon as it is back."""
        now = time.monotonic()
        # What is older has expired by itself.
        self._owed = {owed: since for owed, since in self._owed.items() if now - since < LIFETIME}
        self._owed[_full(key)] = now
        with suppress(RedisUnavailableError), self._redis.use() as redis:
            await self._drop_owed(redis)

    async def _look_up(self, redis: Redis, key: str, form: str) -> tuple[str, bytes | None, Lease]:
        await self._drop_owed(redis)
        version, found = await redis.eval(READ, 1, key, form)
        entry = f"{key}:{version.decode()}:{form}"
        lease = Lease(_lock(entry), LOADING_TIME)
        if found is None and not await lease.acquire(redis):
            found = await self._wait_for(redis, entry)
        return entry, found, lease

    async def _wait_for(self, redis: Redis, entry: str) -> bytes | None:
        for _ in range(round(MAX_WAIT / POLL_INTERVAL)):
            await asyncio.sleep(POLL_INTERVAL)
            found, lock = await redis.mget(entry, _lock(entry))
            if found is not None or lock is None:
                return cast("bytes | None", found)
        return None

    async def _keep(self, entry: str, value: bytes | None, lease: Lease) -> None:
        with suppress(RedisUnavailableError), self._redis.use() as redis:
            if value is not None:
                await redis.set(entry, value, ex=LIFETIME)
            # A reader that stopped waiting does not own the lease, and leaves it in place.
            await lease.release(redis)

    async def _drop_owed(self, redis: Redis) -> None:
        for key in tuple(self._owed):
            # A version outlives every entry that was ever kept under it.
            await redis.eval(DROP, 1, key, 3 * LIFETIME)
            self._owed.pop(key, None)


def _full(key: str) -> str:
    return f"{DISTRIBUTION}:cache:{{{key}}}"


def _lock(entry: str) -> str:
    return f"{entry}:loading"
