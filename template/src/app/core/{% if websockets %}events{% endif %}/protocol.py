"""uvicorn's WebSocket protocol, with better manners where a connection ends."""

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_MESSAGE_BYTES = 64 * 1024

PATIENCE, QUIET = 2.0, 0.5
"""Seconds a client has to take the end of its connection; fewer, where it sends nothing more."""


class Protocol(WebSocketsSansIOProtocol):
    """Says why it closes a connection, and closes also those whose client does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its lines about handshakes say less than ours, and name the query.
        self.logger = self.conn.logger = logging.getLogger("uvicorn.access")
        self.close_timeout = PATIENCE

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is None:
            super().data_received(data)
        else:
            self._cut_off(QUIET)

    def handle_parser_exception(self) -> None:
        """A message too large, or not of the protocol: say so, and let the rest of it arrive.

        To close with some of it unread would reset the connection, and take the close frame along.
        """
        closed = self.conn.close_sent
        assert closed is not None  # noqa: S101 # by the parser
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self.loop.call_later(PATIENCE, self.transport.abort)
        self._cut_off(QUIET)

    async def send(self, message: Any) -> None:
        closing = message["type"] == "websocket.close"
        if closing:
            self.writable.set()  # Not to wait for a client that is closed for not reading.
        await super().send(message)
        if closing:
            self._cut_off(PATIENCE)

    def shutdown(self) -> None:
        super().shutdown()
        self._cut_off(PATIENCE)

    def _cut_off(self, seconds: float) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(seconds, self.transport.abort)


PROTOCOL: dict[str, Any] = {
    "ws": Protocol,
    "ws_max_size": MAX_MESSAGE_BYTES,
    # Events are small, and its buffers would be most of what a connection takes.
    "ws_per_message_deflate": False,
    # Seconds between two pings, and for an answer: then the client is gone.
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
