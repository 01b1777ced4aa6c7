"""Counters of requests that all processes share."""

from limits import RateLimitItem
from limits.aio.storage import RedisStorage

from app import DISTRIBUTION
from app.core.rate_limit import RateLimiter
from app.core.redis.server import RedisServer, RedisUnavailableError


class SharedRateLimiter(RateLimiter):
    """Counts in Redis; while that is away, in this process."""

    def __init__(self, redis: RedisServer, alone: RateLimiter) -> None:
        storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix=f"{DISTRIBUTION}:limits",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type] # it takes one
        )
        super().__init__(enabled=alone.enabled, storage=storage)
        self._redis = redis
        self._alone = alone

    async def count(self, limit: RateLimitItem, *key: str) -> int:
        try:
            with self._redis.use():
                return await super().count(limit, *key)
        except RedisUnavailableError:
            return await self._alone.count(limit, *key)
