"""A read-through cache in Redis, which all processes of the service share."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast
from uuid import uuid4

from redis.asyncio import Redis

from app import DISTRIBUTION
from app.core.redis.leases import Lease
from app.core.redis.server import RedisServer, RedisUnavailableError

LIFETIME = 60
"""Seconds until a cache entry expires."""

LOAD_LEASE = 10
"""Duration, in seconds, of the lease that a process holds while it loads a missing cache entry."""

POLL_INTERVAL = 0.02
"""Seconds between checks for a cache entry that another process is loading."""

MAX_WAIT = 0.5
"""Maximum number of seconds that a reader waits for another process to load a cache entry."""

LOOK_UP = """
local version = redis.call('GET', KEYS[1]) or '0'
local entry = KEYS[1] .. ':' .. version .. ':' .. ARGV[1]
local found = redis.call('GET', entry)
if found then return {version, found} end
local lease = redis.call('SET', entry .. ':loading', ARGV[2], 'NX', 'EX', ARGV[3])
return {version, false, lease}
"""

INVALIDATE = """
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class Cache:
    """A cache with versioned keys. To invalidate a key, the cache increments the key's version.

    If a row changes while a reader loads it, the reader stores the outdated row under the old
    version of the key. Later readers use the new version, so they do not read the outdated row.
    """

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        # Keys that must still be invalidated in Redis, with the monotonic time of the request.
        self._pending: dict[str, float] = {}

    async def get(
        self, key: str, schema_hash: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> bytes | None:
        """Return the cached entry, or else call `load`, cache the result and return it.

        If `load` returns None, nothing is cached. `schema_hash` is part of the entry's key in
        Redis, so that releases of the service with different response schemas do not share entries.
        Stampede protection: if several readers miss the same entry, one of them calls `load`, and
        the others wait up to `MAX_WAIT` seconds for the entry.
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
        """Invalidate the key for all processes, or retry later if Redis is unavailable."""
        now = time.monotonic()
        # An invalidation is dropped after LIFETIME seconds, because the old entries have expired.
        self._pending = {k: since for k, since in self._pending.items() if now - since < LIFETIME}
        self._pending[_version_key(key)] = now
        with suppress(RedisUnavailableError), self._redis.use() as redis:
            await self._invalidate_pending(redis)

    async def _look_up(
        self, redis: Redis, key: str, schema_hash: str
    ) -> tuple[str, bytes | None, Lease]:
        await self._invalidate_pending(redis)
        token = uuid4().hex
        # The script looks up the entry and acquires the lease in one atomic step.
        # With two commands, another reader could store the entry between them.
        version, found, *acquired = await redis.eval(
            LOOK_UP, 1, key, schema_hash, token, LOAD_LEASE
        )
        entry_key = f"{key}:{version.decode()}:{schema_hash}"
        if found is None and not any(acquired):
            found = await self._wait_for(redis, entry_key)
        return entry_key, found, Lease(_lease_key(entry_key), LOAD_LEASE, token)

    async def _wait_for(self, redis: Redis, entry_key: str) -> bytes | None:
        """Wait for another process to store the entry. Return it, or None if it was not stored."""
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
            # If another reader holds the lease, `release` has no effect.
            await lease.release(redis)

    async def _invalidate_pending(self, redis: Redis) -> None:
        for key in tuple(self._pending):
            # The key with the version number must expire later than all entries of that version.
            await redis.eval(INVALIDATE, 1, key, 3 * LIFETIME)
            self._pending.pop(key, None)


def _version_key(key: str) -> str:
    return f"{DISTRIBUTION}:cache:{{{key}}}"


def _lease_key(entry_key: str) -> str:
    return f"{entry_key}:loading"
