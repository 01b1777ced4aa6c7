import codecs

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT_TYPES = (b"application/json", b"application/x-www-form-urlencoded")


class BodyEncodingMiddleware:
    """Respond with status 400 if a JSON or form body is not valid UTF-8.

    RFC 8259 (section 8.1) requires UTF-8 for JSON, but `json.loads` also accepts UTF-16, UTF-32 and
    surrogates encoded as UTF-8. Text with surrogates cannot be stored in the database or sent in a
    response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_text_body(scope):
            await self.app(scope, receive, send)
            return
        decoder = codecs.getincrementaldecoder("utf-8")()

        async def receive_utf8() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body: bytes = message.get("body", b"")
                try:
                    decoder.decode(body, final=not message.get("more_body", False))
                except UnicodeDecodeError as exc:
                    raise HTTPException(400, "The body is not valid UTF-8.") from exc
                # JSON in UTF-16 or UTF-32 contains NUL bytes, but valid JSON in UTF-8 does not.
                if b"\0" in body:
                    raise HTTPException(400, "The body is not valid UTF-8.")
            return message

        await self.app(scope, receive_utf8, send)


def _has_text_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
            return media_type in TEXT_TYPES or media_type.endswith(b"+json")
    return False
