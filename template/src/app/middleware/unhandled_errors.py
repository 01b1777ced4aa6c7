from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import error_response
from app.core.logging import get_logger, mark_as_logged
from app.middleware.messages import RESPONSE_START_TYPES


class UnhandledErrorMiddleware:
    """Log an unhandled exception with its traceback, and respond with status 500 and no details."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._logger = get_logger("app.errors")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = complete = False

        async def send_and_track(message: Message) -> None:
            nonlocal started, complete
            started = started or message["type"] in RESPONSE_START_TYPES
            complete = message["type"].endswith(".body") and not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, send_and_track)
        except Exception as exc:
            method = scope.get("method", "GET")
            self._logger.exception("unhandled_error", method=method, path=scope["path"])
            if not started:
                await error_response(500)(scope, receive, send)
            elif not complete:
                # Raise the exception again, so that uvicorn closes the connection.
                mark_as_logged(exc)
                raise
