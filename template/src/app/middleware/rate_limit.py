from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import error_response
from app.core.rate_limit import RateLimiter, RateLimitError, client_address
from app.middleware.cors import StrictCORSMiddleware


class RateLimitMiddleware:
    """Count requests by client address, and respond with 429 if the default limit is exceeded.

    The middleware runs before routing and does not read the body, so rejecting a request requires
    no body parsing and no database query. Requests that are rejected later are counted as well.
    `cors` contains the arguments for `StrictCORSMiddleware`, which adds the headers that let
    scripts in browsers read a 429 response.
    """

    def __init__(self, app: ASGIApp, rate: str, cors: Mapping[str, Any]) -> None:
        self.app = app
        self._rate = rate
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        limiter: RateLimiter = scope["app"].state.resources.rate_limiter
        try:
            await limiter.hit(self._rate, "request", client_address(HTTPConnection(scope)))
        except RateLimitError as exc:
            refusal: ASGIApp = error_response(
                exc.status_code, exc.message, details=exc.details, headers=exc.headers
            )
            if "origin" in Headers(scope=scope):
                # `CORSMiddleware` would answer a preflight request with 200 instead of 429.
                # Therefore, the method of a preflight request is changed from OPTIONS to GET.
                refusal = StrictCORSMiddleware(refusal, **self._cors)
                scope = {**scope, "method": "GET"}
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)
