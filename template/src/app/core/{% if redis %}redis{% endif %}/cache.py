"""A read-through cache in Redis, which all processes of the service share."""

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
"""Seconds until a cache entry expires."""

LOAD_LEASE = 10
"""Seconds after which another process may load an entry that the first has not yet loaded."""

POLL_INTERVAL = 0.02
"""Seconds between two checks for an entry that another process is loading."""

MAX_WAIT = 0.5
"""Seconds to wait for an entry that another process is loading, before loading it here too."""

LOOK_UP = """
local version = redis.call('GET', KEYS[1]) or '0'
return {version, redis.call('GET', KEYS[1] .. ':' .. version .. ':' .. ARGV[1])}
"""

INVALIDATE = """
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class Cache:
    """A cache with versioned keys: invalidating a key increments its version.

    A reader that loaded a row before the row changed stores it under the old version, which no
    later reader looks up.
    """

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        # Keys to invalidate once Redis is available again, with the monotonic time of the change.
        self._pending: dict[str, float] = {}

    async def get(
        self, key: str, schema_hash: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> bytes | None:
        """Return the cached entry, or call `load` and cache its result unless it is None.

        `schema_hash` separates the entries of releases that store different fields under one key.
        Stampede protection: of several concurrent readers of a missing entry, one calls `load` and
        the others wait for its result, for at most `MAX_WAIT` seconds.
        """
        try:
            with self._redis.use() as redis:
                entry_key, found, lease = await self._look_up(redis, _version_key(key), schema_hash)
        except RedisUnavailableError:
            return await load()
        if found is not None:
            return found
        loaded: bytes | None = None
        try:
            loaded = await load()
        finally:
            await self._store(entry_key, loaded, lease)
        return loaded

    async def invalidate(self, key: str) -> None:
        """Invalidate the entry in all processes, as soon as Redis is available."""
        now = time.monotonic()
        # An entry expires after LIFETIME, so an older invalidation is no longer needed.
        self._pending = {k: since for k, since in self._pending.items() if now - since < LIFETIME}
        self._pending[_version_key(key)] = now
        with suppress(RedisUnavailableError), self._redis.use() as redis:
            await self._invalidate_pending(redis)

    async def _look_up(
        self, redis: Redis, key: str, schema_hash: str
    ) -> tuple[str, bytes | None, Lease]:
        await self._invalidate_pending(redis)
        version, found = await redis.eval(LOOK_UP, 1, key, schema_hash)
        entry_key = f"{key}:{version.decode()}:{schema_hash}"
        lease = Lease(_lease_key(entry_key), LOAD_LEASE)
        if found is None and not await lease.acquire(redis):
            found = await self._wait_for(redis, entry_key)
        return entry_key, found, lease

    async def _wait_for(self, redis: Redis, entry_key: str) -> bytes | None:
        """Wait for the process that loads the entry. Return None if it stores no entry in time."""
        for _ in range(round(MAX_WAIT / POLL_INTERVAL)):
            await asyncio.sleep(POLL_INTERVAL)
            found, lease = await redis.mget(entry_key, _lease_key(entry_key))
            if found is not None or lease is None:
                return cast("bytes | None", found)
        return None

    async def _store(self, entry_key: str, value: bytes | None, lease: Lease) -> None:
        with suppress(RedisUnavailableError), self._redis.use() as redis:
            if value is not None:
                await redis.set(entry_key, value, ex=LIFETIME)
            # If this reader never acquired the lease, `release` leaves the owner's key in place.
            await lease.release(redis)

    async def _invalidate_pending(self, redis: Redis) -> None:
        for key in tuple(self._pending):
            # The version key has to outlive every entry that was stored under the version.
            await redis.eval(INVALIDATE, 1, key, 3 * LIFETIME)
            self._pending.pop(key, None)


def _version_key(key: str) -> str:
    return f"{DISTRIBUTION}:cache:{{{key}}}"


def _lease_key(entry_key: str) -> str:
    return f"{entry_key}:loading"
