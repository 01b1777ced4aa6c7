"""Rate limiter, and the error for a client that exceeds a rate limit."""

import ipaddress
import math
import time
from functools import cache, lru_cache

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from app.core.errors import AppError


class RateLimitError(AppError):
    """Error for a client that exceeds a rate limit and may retry after `retry_after` seconds."""

    status_code = 429

    def __init__(self, limit: RateLimitItem, retry_after: int) -> None:
        super().__init__(
            "Too many requests. Try again after the seconds in Retry-After.",
            details={"retry_after": retry_after},
            headers={
                "Retry-After": str(retry_after),
                "RateLimit-Limit": str(limit.amount),
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": str(retry_after),
            },
        )


class RateLimiter:
    """A rate limiter with a moving window. By default, each process counts in its own memory.

    With fixed windows, a client could send twice the limit around the boundary between two windows.
    """

    def __init__(self, *, enabled: bool, storage: Storage | None = None) -> None:
        self.enabled = enabled
        self._windows = MovingWindowRateLimiter(storage or MemoryStorage())

    async def hit(self, rate: str, *key: str, factor: int = 1) -> None:
        """Count one hit for `key`. Raise `RateLimitError` if the hits exceed `factor` times `rate`.

        `rate` is a string in the notation of the `limits` library, such as `5/minute`.
        """
        if not self.enabled:
            return
        limit = _parse(rate, factor)
        if wait := await self.count(limit, *key):
            raise RateLimitError(limit, wait)

    async def count(self, limit: RateLimitItem, *key: str) -> int:
        """Count one hit for `key`. Return the seconds to wait if the limit is exceeded, else 0."""
        if await self._windows.hit(limit, *key):
            return 0
        stats = await self._windows.get_window_stats(limit, *key)
        return max(1, math.ceil(stats.reset_time - time.time()))


def client_address(connection: HTTPConnection) -> str:
    """Return the client address for rate limits and logs: an IPv4 address or an IPv6 /64.

    Internet providers usually assign an IPv6 /64 to each customer. A dual-stack socket reports IPv4
    clients as IPv4-mapped IPv6 addresses, which are converted to IPv4 addresses. The result is
    `unknown` if the client is connected through a Unix socket.
    """
    return _address_of(connection.client.host) if connection.client else "unknown"


@cache
def _parse(rate: str, factor: int) -> RateLimitItem:
    limit = parse(rate)
    return type(limit)(limit.amount * factor, limit.multiples)


@lru_cache(maxsize=4096)
def _address_of(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
