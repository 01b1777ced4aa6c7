"""Pure ASGI middleware, and the order in which it runs.

No middleware uses Starlette's `BaseHTTPMiddleware`, because that class alone adds more time to a
request than all middleware in this package together.
"""

import ipaddress
from collections.abc import Iterator
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.config import Settings
from app.middleware.body_encoding import BodyEncodingMiddleware
from app.middleware.cors import StrictCORSMiddleware
from app.middleware.plain_errors import PlainErrorMiddleware
from app.middleware.probes import ExceptProbesMiddleware
from app.middleware.rate_limit import RateLimitMiddleware
from app.middleware.request_context import RequestContextMiddleware
from app.middleware.unhandled_errors import UnhandledErrorMiddleware

EXPOSED_HEADERS = ["Deprecation", "Link", "Location", "Retry-After", "Sunset", "X-Request-ID"]
"""Response headers that scripts of other origins may read, besides those that CORS always allows."""


def build_middleware(settings: Settings) -> list[Middleware]:
    """Return the middleware in the order in which a request passes through it."""
    cors: dict[str, Any] = {
        "allow_origins": settings.cors_origins,
        "allow_credentials": "*" not in settings.cors_origins,
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": ["*"],
        "expose_headers": EXPOSED_HEADERS,
    }
    # The rate limit comes before other checks, so that rejected requests are counted as well.
    guards = [
        Middleware(RateLimitMiddleware, rate=settings.rate_limit_default, cors=cors),
        Middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts, www_redirect=False),
    ]
    if settings.https_redirect:
        guards.append(Middleware(HTTPSRedirectMiddleware))
    # Proxy headers are read first, because they contain the client address that log lines include.
    proxies = list(_with_ipv4_mapped(settings.trusted_proxies))
    outermost = [Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)] if proxies else []
    return [
        *outermost,
        Middleware(RequestContextMiddleware, hsts=settings.environment == "production"),
        Middleware(PlainErrorMiddleware),
        *(Middleware(ExceptProbesMiddleware, guard) for guard in guards),
        Middleware(StrictCORSMiddleware, **cors),
        Middleware(GZipMiddleware, minimum_size=1000),
        # Error handling runs inside the CORS middleware, so that 500 responses have CORS headers.
        Middleware(UnhandledErrorMiddleware),
        Middleware(RequestBodyLimitMiddleware, max_body_size=settings.max_body_bytes),
        Middleware(BodyEncodingMiddleware),
    ]


def _with_ipv4_mapped(networks: list[str]) -> Iterator[str]:
    """Yield each network, and for an IPv4 network also the IPv4-mapped IPv6 network.

    A dual-stack socket reports an IPv4 client with an IPv6 address such as `::ffff:192.0.2.1`.
    """
    for network in map(ipaddress.ip_network, networks):
        yield str(network)
        if network.version == 4:
            yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
