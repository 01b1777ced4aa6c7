"""Rate limits: how often a client may ask, and how it learns that it asked too often."""

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
    """429, and the seconds after which to try again."""

    status_code = 429

    def __init__(self, limit: RateLimitItem, retry_after: int) -> None:
        super().__init__(
            "Too many requests.",
            details={"retry_after": retry_after},
            headers={
                "Retry-After": str(retry_after),
                "RateLimit-Limit": str(limit.amount),
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": str(retry_after),
            },
        )


class RateLimiter:
    """Counts in this process. Windows move with the clock, so no burst fits between two."""

    def __init__(self, *, enabled: bool, storage: Storage | None = None) -> None:
        self.enabled = enabled
        self._windows = MovingWindowRateLimiter(storage or MemoryStorage())

    async def hit(self, rate: str, *key: str, factor: int = 1) -> None:
        """Count one more of `key`; raises `RateLimitError` over `factor` times the rate.

        A rate is written `5/minute`, in the notation of the library `limits`.
        """
        if not self.enabled:
            return
        limit = _parse(rate, factor)
        if wait := await self.count(limit, *key):
            raise RateLimitError(limit, wait)

    async def count(self, limit: RateLimitItem, *key: str) -> int:
        """Count one more; the seconds to wait if that was one too many, else 0."""
        if await self._windows.hit(limit, *key):
            return 0
        stats = await self._windows.get_window_stats(limit, *key)
        return max(1, math.ceil(stats.reset_time - time.time()))


def client_address(connection: HTTPConnection) -> str:
    """The address that limits count by and logs name: an IPv4 address or an IPv6 /64.

    A provider gives each customer a whole /64. An IPv4-mapped IPv6 address, as a dual-stack socket
    reports it, is the IPv4 address. A Unix socket has no addresses: `unknown`.
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
