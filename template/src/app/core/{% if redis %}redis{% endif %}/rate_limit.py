"""Rate limit counters that are stored in Redis and shared by all processes of the service."""

import math
import time

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from app import DISTRIBUTION
from app.core.rate_limit import RateLimiter
from app.core.redis.server import RedisServer, RedisUnavailableError


class SharedRateLimiter(RateLimiter):
    """Counts requests in Redis, or with the `local` rate limiter while Redis is unavailable."""

    def __init__(self, redis: RedisServer, local: RateLimiter) -> None:
        storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix=f"{DISTRIBUTION}:limits",
            # `limits` accepts redis-py's pools, although its type hint for the pool does not.
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        super().__init__(enabled=local.enabled)
        self._shared = MovingWindowRateLimiter(storage)
        self._redis = redis
        self._local = local

    async def count(self, limit: RateLimitItem, *key: str) -> int:
        try:
            with self._redis.use():
                if await self._shared.hit(limit, *key):
                    return 0
                stats = await self._shared.get_window_stats(limit, *key)
        except RedisUnavailableError:
            return await self._local.count(limit, *key)
        return max(1, math.ceil(stats.reset_time - time.time()))
