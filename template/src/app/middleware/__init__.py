"""Pure ASGI middleware, and the order it runs in.

Nothing here uses `BaseHTTPMiddleware`: it costs more than the whole rest of the stack.
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


def build_middleware(settings: Settings) -> list[Middleware]:
    """The stack, outermost first: a request passes it from top to bottom, its response back up."""
    cors: dict[str, Any] = {
        "allow_origins": settings.cors_origins,
        "allow_credentials": "*" not in settings.cors_origins,
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": ["*"],
        "expose_headers": ["Location", "Retry-After", "X-Request-ID"],
    }
    # The rate limit is first, so that what the guards behind it refuse counts too.
    guards = [
        Middleware(RateLimitMiddleware, rate=settings.rate_limit_default, cors=cors),
        Middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts, www_redirect=False),
    ]
    if settings.https_redirect:
        guards.append(Middleware(HTTPSRedirectMiddleware))
    # Outermost, as the address of the client is in every log line.
    proxies = list(_with_mapped(settings.trusted_proxies))
    outermost = [Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)] if proxies else []
    return [
        *outermost,
        Middleware(RequestContextMiddleware, hsts=settings.environment == "production"),
        Middleware(PlainErrorMiddleware),
        *(Middleware(ExceptProbesMiddleware, guard) for guard in guards),
        Middleware(StrictCORSMiddleware, **cors),
        Middleware(GZipMiddleware, minimum_size=1000),
        # Inside CORS, so that a browser may read the 500 too.
        Middleware(UnhandledErrorMiddleware),
        Middleware(RequestBodyLimitMiddleware, max_body_size=settings.max_body_bytes),
        Middleware(BodyEncodingMiddleware),
    ]


def _with_mapped(networks: list[str]) -> Iterator[str]:
    """The networks, and IPv4 ones as IPv6 too: a dual-stack socket names peers `::ffff:192.0.2.1`."""
    for network in map(ipaddress.ip_network, networks):
        yield str(network)
        if network.version == 4:
            yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
