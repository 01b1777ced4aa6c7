"""Pure ASGI middleware, and the order it runs in.

Nothing here uses `BaseHTTPMiddleware`: it costs more than the whole rest of the stack.
"""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.config import Settings
from app.core.errors import error_response
from app.core.logging import get_logger
from app.core.rate_limit import client_address

PROBE_PATHS = frozenset({"/health", "/ready"})
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
"""What an answer begins with; that to a handshake has names of its own."""

CSP = b"content-security-policy"
API_CSP = b"default-src 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def build_middleware(settings: Settings) -> list[Middleware]:
    """The stack, outermost first: a request passes it from top to bottom, its answer back up."""
    hosts = Middleware(
        TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts, www_redirect=False
    )
    guards = [hosts, Middleware(HTTPSRedirectMiddleware)] if settings.https_redirect else [hosts]
    return [
        Middleware(RequestContextMiddleware, hsts=settings.environment == "production"),
        Middleware(PlainErrorMiddleware),
        Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies),
        *(Middleware(ExceptProbesMiddleware, guard) for guard in guards),
        Middleware(
            StrictCORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials="*" not in settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Location", "Retry-After", "X-Request-ID"],
        ),
        Middleware(GZipMiddleware, minimum_size=1000),
        # Inside CORS, so that a browser may read the 500 too.
        Middleware(UnhandledErrorMiddleware),
        Middleware(RequestBodyLimitMiddleware, max_body_size=settings.max_body_bytes),
    ]


class RequestContextMiddleware:
    """Give every request an id, every response its headers, and the log one line for it."""

    def __init__(self, app: ASGIApp, *, hsts: bool) -> None:
        self.app = app
        self._logger = get_logger("app.request")
        self._headers = [*SECURITY_HEADERS, HSTS] if hsts else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            request_id=request_id.decode(), client=client_address(HTTPConnection(scope))
        )
        path: str = scope["path"]
        status_code: int | None = None
        finished: float | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status_code, finished
            if message["type"] in STARTS:
                status_code = message.get("status", 101)
                headers = list(message.get("headers", ()))
                # A page that needs more than the API does says so itself.
                if not any(name == CSP for name, _ in headers):
                    headers.append((CSP, API_CSP))
                message["headers"] = [*headers, (b"x-request-id", request_id), *self._headers]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                finished = perf_counter()  # What follows the answer nobody waits for.

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            # A connection that was upgraded goes on, and whoever keeps it says when it ends.
            if status_code != 101:
                self._logger.info(
                    "request_completed",
                    method=scope.get("method", "GET"),
                    path=path,
                    status_code=status_code,
                    duration_ms=round(((finished or perf_counter()) - started) * 1000, 2),
                )


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if REQUEST_ID.fullmatch(value):
                return bytes(value)
            break
    return uuid4().hex.encode()


class PlainErrorMiddleware:
    """Bring the plain-text errors of library middleware into the envelope.

    Starlette's host check, CORS and body limit answer in text; whatever they say becomes the
    envelope's message, their other headers stay.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        plain: Message | None = None
        text = b""
        started = False

        async def send_enveloped(message: Message) -> None:
            nonlocal plain, text, started
            if message["type"] == "websocket.close" and not started:
                # A handshake that nobody answers; for the server that would be a bare 403.
                await error_response(403)(scope, receive, send)
                return
            started = started or message["type"] in STARTS
            if message["type"] in STARTS and _is_plain_error(message):
                plain = message
                return
            if plain is None:
                await send(message)
                return
            text += message.get("body", b"")
            if not message.get("more_body", False):
                headers = MutableHeaders(raw=list(plain["headers"]))
                del headers["content-type"], headers["content-length"]
                response = error_response(plain["status"], text.decode(errors="replace"))
                response.raw_headers.extend(headers.raw)
                await response(scope, receive, send)

        await self.app(scope, receive, send_enveloped)


def _is_plain_error(message: Message) -> bool:
    return message.get("status", 101) >= 400 and any(
        name == b"content-type" and value.startswith(b"text/plain")
        for name, value in message["headers"]
    )


class StrictCORSMiddleware(CORSMiddleware):
    """Starlette's, but a foreign origin learns nothing: it gets no CORS header at all."""

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        if not self.is_allowed_origin(request_headers.get("origin", "")):
            request_headers = Headers()
        await super().simple_response(scope, receive, send, request_headers)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if not self.is_allowed_origin(request_headers["origin"]):
            for name in [name for name in response.headers if name.startswith("access-control-")]:
                del response.headers[name]
        return response


class ExceptProbesMiddleware:
    """Let the health probes past another middleware: they come by address and over plain HTTP."""

    def __init__(self, app: ASGIApp, guard: Middleware) -> None:
        self.app = app
        self._guarded = guard.cls(app, *guard.args, **guard.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        probe = scope["type"] == "http" and scope["path"] in PROBE_PATHS
        await (self.app if probe else self._guarded)(scope, receive, send)


class UnhandledErrorMiddleware:
    """Log what nobody caught with its traceback, and tell the client nothing but `500`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._logger = get_logger("app.errors")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in STARTS
            await send(message)

        try:
            await self.app(scope, receive, watch_start)
        except Exception:
            method = scope.get("method", "GET")
            self._logger.exception("unhandled_error", method=method, path=scope["path"])
            if started:
                raise  # Too late for another answer: let the server cut the connection.
            response = error_response(500, "Something went wrong on our side.")
            await response(scope, receive, send)
