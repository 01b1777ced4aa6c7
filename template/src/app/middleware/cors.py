from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "access-control-"


class StrictCORSMiddleware:
    """Wraps Starlette's CORS middleware, and removes CORS headers if the origin is not allowed.

    Starlette's `CORSMiddleware` sends the allowed methods and headers even to origins that are not
    allowed. `options` are the arguments for `CORSMiddleware`.
    """

    def __init__(self, app: ASGIApp, /, **options: Any) -> None:
        self._cors = CORSMiddleware(app, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or self._cors.is_allowed_origin(origin):
            await self._cors(scope, receive, send)
            return

        async def send_without_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [name for name in headers if name.startswith(PREFIX)]:
                    del headers[name]
            await send(message)

        await self._cors(scope, receive, send_without_cors)
