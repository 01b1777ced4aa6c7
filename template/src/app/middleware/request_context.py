"""Middleware for request ids, security and deprecation headers, and the request log."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.logging import get_logger
from app.core.rate_limit import client_address
from app.middleware.messages import RESPONSE_START_TYPES
from app.shared.deprecation import DEPRECATION_HEADERS

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

CSP = b"content-security-policy"
API_CSP = b"default-src 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class RequestContextMiddleware:
    """Add `request_id` and `client` to a request's log lines, and log when the request ends."""

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
            if message["type"] in RESPONSE_START_TYPES:
                status_code = message.get("status", 101)
                headers = list(message.get("headers", ()))
                # Keep the Content-Security-Policy of `/docs`, which allows Swagger UI to run.
                if not any(name == CSP for name, _ in headers):
                    headers.append((CSP, API_CSP))
                headers += scope.get(DEPRECATION_HEADERS, [])
                message["headers"] = [*headers, (b"x-request-id", request_id), *self._headers]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                finished = perf_counter()  # The logged duration excludes background tasks.

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            # The endpoint itself logs the end of an upgraded connection (status 101).
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
