"""The Redis client, with a circuit breaker: during an outage, calls fail immediately."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from app.core.logging import get_logger
from app.settings.redis import RedisSettings

logger = get_logger(__name__)

MAX_CONNECTIONS = 10_000
"""Maximum number of connections in the pool. It is too high to be reached in practice."""

RETRY_INTERVAL = 1.0
"""Seconds between two attempts to reach an unavailable Redis server."""


class RedisUnavailableError(Exception):
    """Raised if Redis cannot be reached. The caller has to continue without Redis."""


class RedisServer:
    """A Redis client with a circuit breaker, which opens when a call fails.

    While the breaker is open, one call per `RETRY_INTERVAL` is sent to the server, and all other
    calls fail immediately. The client logs one line when an outage starts, and one line when it
    ends.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._breaker_open = False
        self._next_attempt = 0.0

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: RedisSettings, min_timeout: float = 0) -> AsyncGenerator[Self]:
        """Yield a client, which connects on first use and is closed at the end of the context.

        The timeout is the longer of `min_timeout` (in seconds) and `REDIS_TIMEOUT`.
        """
        timeout = max(settings.redis_timeout, min_timeout)
        client = Redis.from_url(
            settings.redis_url.get_secret_value(),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # One retry is needed, because the server may have closed an idle connection.
            retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
            max_connections=MAX_CONNECTIONS,
        )
        try:
            yield cls(client)
        finally:
            await client.aclose()

    @property
    def database(self) -> int:
        """The number of the Redis database.

        Pub/sub ignores the database number, so channel names must contain this number.
        """
        return int(self._client.connection_pool.connection_kwargs.get("db") or 0)

    @property
    def timeout(self) -> float:
        """Seconds that Redis may take to accept a connection or to answer a command."""
        return float(self._client.connection_pool.connection_kwargs["socket_timeout"])

    @contextmanager
    def use(self) -> Iterator[Redis]:
        """Yield the client. Raise `RedisUnavailableError` if Redis cannot be reached."""
        if self._breaker_open:
            now = time.monotonic()
            if now < self._next_attempt:
                raise RedisUnavailableError
            self._next_attempt = now + RETRY_INTERVAL
        try:
            yield self._client
        except (RedisError, OSError) as exc:
            if not self._breaker_open:
                logger.warning("redis_unavailable", error=repr(exc))
            self._breaker_open, self._next_attempt = True, time.monotonic() + RETRY_INTERVAL
            raise RedisUnavailableError from exc
        if self._breaker_open:
            logger.info("redis_available")
            self._breaker_open = False

    @property
    def connection_pool(self) -> ConnectionPool:
        """The connection pool. Libraries that create their own Redis client can use this pool."""
        return self._client.connection_pool

    async def ping(self) -> None:
        """Ping Redis, even while the circuit breaker is open."""
        await self._client.ping()
