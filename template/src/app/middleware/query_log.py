import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.database.query_log import query_log
from app.core.logging import get_logger

MAX_REPETITIONS = 10
"""Number of times that one request may execute the same statement before a warning is logged."""


class QueryLogMiddleware:
    """Add `queries` and `database_ms` to a request's log line, and warn about repeated statements.

    The middleware must run inside `RequestContextMiddleware`, which writes the log line. Counting
    stops when the response is complete, or when a long-lived connection has been opened. The
    duration in the log line ends at the same time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._logger = get_logger("app.request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        with query_log() as log:

            async def send_counted(message: Message) -> None:
                await send(message)
                if _ends_request(message):
                    log.is_open = False

            try:
                await self.app(scope, receive, send_counted)
            finally:
                for statement, count in log.repeated(MAX_REPETITIONS).items():
                    self._logger.warning("repeated_query", statement=statement, count=count)
                structlog.contextvars.bind_contextvars(
                    queries=log.queries, database_ms=round(log.seconds * 1000, 2)
                )


def _ends_request(message: Message) -> bool:
    if message["type"] == "http.response.body":
        return not message.get("more_body", False)
    return bool(message["type"] == "websocket.accept")
