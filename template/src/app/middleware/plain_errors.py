from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import error_response
from app.middleware.messages import RESPONSE_START_TYPES


class PlainErrorMiddleware:
    """Convert the plain-text errors of Starlette's middleware into JSON error responses.

    Starlette's middleware for trusted hosts, CORS and body limits responds with plain-text errors.
    The `message` of the JSON response contains the text of the plain-text response. The JSON
    response has the same headers, except `Content-Type` and `Content-Length`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error_start: Message | None = None
        text = b""
        started = False

        async def send_enveloped(message: Message) -> None:
            nonlocal error_start, text, started
            if message["type"] == "websocket.close" and not started:
                # Without this response, the server would send status 403 with an empty body.
                await error_response(403)(scope, receive, send)
                return
            started = started or message["type"] in RESPONSE_START_TYPES
            if message["type"] in RESPONSE_START_TYPES and _is_plain_error(message):
                error_start = message
                return
            if error_start is None:
                await send(message)
                return
            text += message.get("body", b"")
            if not message.get("more_body", False):
                headers = MutableHeaders(raw=list(error_start["headers"]))
                del headers["content-type"], headers["content-length"]
                response = error_response(error_start["status"], text.decode(errors="replace"))
                response.raw_headers.extend(headers.raw)
                await response(scope, receive, send)

        await self.app(scope, receive, send_enveloped)


def _is_plain_error(message: Message) -> bool:
    return message.get("status", 101) >= 400 and any(
        name == b"content-type" and value.startswith(b"text/plain")
        for name, value in message["headers"]
    )
