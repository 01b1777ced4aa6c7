"""The default rate limit, for every request."""

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import error_response
from app.core.rate_limit import RateLimiter, RateLimitError, client_address

REFUSAL = "app.rate_limit.refusal"


class RateLimitMiddleware:
    """Count each request by client address, and answer 429 in place of the application.

    It stands before routing and reads no body, so a refused request costs neither a body nor a
    query. Requests that fail later count too. The refusal passes through `cors`, so that a browser
    lets its page read it.
    """

    def __init__(self, app: ASGIApp, rate: str, cors: Middleware) -> None:
        self.app = app
        self._rate = rate
        self._refuse = cors.cls(_send_refusal, *cors.args, **cors.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        limiter: RateLimiter = scope["app"].state.rate_limiter
        try:
            await limiter.hit(self._rate, "request", client_address(HTTPConnection(scope)))
        except RateLimitError as exc:
            scope[REFUSAL] = error_response(
                exc.status_code, exc.message, details=exc.details, headers=exc.headers
            )
            await self._refuse(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def _send_refusal(scope: Scope, receive: Receive, send: Send) -> None:
    refusal: Response = scope[REFUSAL]
    await refusal(scope, receive, send)
