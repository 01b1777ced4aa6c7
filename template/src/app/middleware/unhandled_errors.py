"""The last handler of exceptions."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import error_response
from app.core.logging import get_logger, mark_as_logged
from app.middleware.messages import STARTS


class UnhandledErrorMiddleware:
    """Log an exception that nothing caught with its traceback, and answer a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._logger = get_logger("app.errors")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = complete = False

        async def watch(message: Message) -> None:
            nonlocal started, complete
            started = started or message["type"] in STARTS
            complete = message["type"].endswith(".body") and not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as exc:
            method = scope.get("method", "GET")
            self._logger.exception("unhandled_error", method=method, path=scope["path"])
            if not started:
                await error_response(500)(scope, receive, send)
            elif not complete:
                # Only the server can cut the connection, and it does so for an exception.
                mark_as_logged(exc)
                raise
