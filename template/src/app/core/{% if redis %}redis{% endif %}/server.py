"""The one client, and what becomes of the service while its server is unavailable."""

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
"""No limit of ours: there are as many as requests at one time, and those are limited elsewhere."""

PAUSE = 1.0
"""Seconds for which nobody tries a server that was away."""


class RedisUnavailableError(Exception):
    """The server cannot be used now; whoever uses it has to do without."""


class RedisServer:
    """The client, and whether there is a server behind it.

    While there is none nobody waits for it: one call in each pause tries, the others are refused at
    once. An outage is one line in the log, and its end another.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._away = False
        self._next_try = 0.0

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: RedisSettings, min_timeout: float = 0) -> AsyncGenerator[Self]:
        """A client for as long as the context lasts; it connects when it is first used.

        `min_timeout`, in seconds, replaces a shorter `REDIS_TIMEOUT`.
        """
        timeout = max(settings.redis_timeout, min_timeout)
        client = Redis.from_url(
            settings.redis_url.get_secret_value(),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Once more, as the server may have closed a connection that was idle.
            retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
            max_connections=MAX_CONNECTIONS,
        )
        try:
            yield cls(client)
        finally:
            await client.aclose()

    @property
    def database(self) -> int:
        """The number of its database; what is published reaches the clients of all of them."""
        return int(self._client.connection_pool.connection_kwargs.get("db") or 0)

    @property
    def timeout(self) -> float:
        """Seconds to connect in, and to answer in."""
        return float(self._client.connection_pool.connection_kwargs["socket_timeout"])

    @contextmanager
    def use(self) -> Iterator[Redis]:
        """The client, if the server can be used; raises `RedisUnavailableError` if not, or not any more."""
        if self._away:
            now = time.monotonic()
            if now < self._next_try:
                raise RedisUnavailableError
            self._next_try = now + PAUSE
        try:
            yield self._client
        except (RedisError, OSError) as exc:
            if not self._away:
                logger.warning("redis_away", error=repr(exc))
            self._away, self._next_try = True, time.monotonic() + PAUSE
            raise RedisUnavailableError from exc
        if self._away:
            logger.info("redis_back")
            self._away = False

    @property
    def connection_pool(self) -> ConnectionPool:
        """For libraries that bring their own client, so that there is one set of connections."""
        return self._client.connection_pool

    async def ping(self) -> None:
        """Ask the server itself, whatever was known of it."""
        await self._client.ping()
