"""Brings the plain-text errors of library middleware into the envelope."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import error_response
from app.middleware.messages import STARTS


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
