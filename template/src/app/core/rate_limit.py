"""A rate limiter, and the error that is raised if a client exceeds a rate limit."""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from functools import cache, lru_cache

from limits import RateLimitItem, parse
from starlette.requests import HTTPConnection

from app.core.errors import AppError


class RateLimitError(AppError):
    """Raised if a client exceeds a rate limit. The client may retry after `retry_after` seconds."""

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


class MovingWindow:
    """Counts the recent requests of each client for one rate limit, in process memory.

    If the windows were fixed, a client could send twice as many requests as the limit allows: one
    half at the end of a window, and the other half at the start of the next window.

    The class `MemoryStorage` of the `limits` library (5.8) is not used, because it needs too much
    CPU time. After each request, `MemoryStorage` checks every known client for expired entries,
    with one call in a thread for each client. In a benchmark with 2,000 clients, a service with
    `MemoryStorage` used 74 % of a CPU core for 190 requests per second.
    """

    def __init__(self, limit: RateLimitItem) -> None:
        self._amount = limit.amount
        self._seconds = limit.get_expiry()
        # Times of each client's latest requests. The client that has been idle longest comes first.
        self._clients: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def hit(self, client: tuple[str, ...]) -> int:
        """Count one request. Return the seconds to wait if the limit is exceeded, else 0."""
        now = time.monotonic()
        self._remove_idle_clients(now - self._seconds)
        times = self._clients.setdefault(client, deque(maxlen=self._amount))
        if len(times) == self._amount and (wait := times[0] + self._seconds - now) > 0:
            return math.ceil(wait)
        times.append(now)
        self._clients.move_to_end(client)
        return 0

    def _remove_idle_clients(self, start: float) -> None:
        """Remove up to two clients whose last counted request was made before `start`.

        `start` is the time at which the current window started. Each request adds at most one
        client and removes up to two idle clients, so memory use stays bounded.
        """
        for _ in range(2):
            oldest = next(iter(self._clients), None)
            if oldest is None or self._clients[oldest][-1] > start:
                break
            del self._clients[oldest]


class RateLimiter:
    """A rate limiter with moving windows. By default, each process counts requests separately."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._windows: dict[RateLimitItem, MovingWindow] = {}

    async def hit(self, rate: str, *key: str, factor: int = 1) -> None:
        """Count one hit for `key`. Raise `RateLimitError` if `key` has exceeded its limit.

        `rate` is a string in the notation of the `limits` library, such as `5/minute`. The limit
        allows `factor` times as many hits as `rate`.
        """
        if not self.enabled:
            return
        limit = _parse(rate, factor)
        if wait := await self.count(limit, *key):
            raise RateLimitError(limit, wait)

    async def count(self, limit: RateLimitItem, *key: str) -> int:
        """Count one hit for `key`. Return the seconds to wait if the limit is exceeded, else 0."""
        if limit not in self._windows:
            self._windows[limit] = MovingWindow(limit)
        return self._windows[limit].hit(key)


def client_address(connection: HTTPConnection) -> str:
    """Return the client address for rate limits and logs: an IPv4 address or an IPv6 /64 prefix.

    Internet providers usually assign an IPv6 /64 prefix to each customer. A dual-stack socket
    reports IPv4 clients as IPv4-mapped IPv6 addresses, which are converted to IPv4 addresses. The
    result is `unknown` if the client is connected through a Unix socket.
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
