"""Redis: a cache and counters that processes share, and that the service can do without."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.redis.cache import Cache
from app.core.redis.rate_limit import SharedRateLimiter
from app.core.redis.server import RedisServer


@asynccontextmanager
async def connect_redis(app: FastAPI) -> AsyncGenerator[None]:
    """Give the application its client, and what is built on it, for as long as the context lasts."""
    alone = app.state.rate_limiter
    async with RedisServer.connect(app.state.settings) as redis:
        app.state.redis = redis
        app.state.cache = Cache(redis)
        app.state.rate_limiter = SharedRateLimiter(redis, alone)
        yield
    app.state.rate_limiter = alone
