"""uvicorn's WebSocket protocol, with better manners where a connection ends."""

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_MESSAGE_BYTES = 64 * 1024

PATIENCE = 2.0
"""Seconds a client has to take the end of its connection, before that is cut."""


class Protocol(WebSocketsSansIOProtocol):
    """Says why it closes a connection, and closes also those whose client does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its lines about handshakes say less than ours, and name the query.
        self.logger = logging.getLogger("uvicorn.access")
        self.close_timeout = PATIENCE

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is None:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """A message too large, or not of the protocol.

        To close with some of it unread would reset the connection, and take the close frame along.
        """
        closed = self.conn.close_sent
        if closed is None or self.close_sent:
            return
        self.close_sent = True
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # Not to wait for a client that is closed for not reading.
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(self.close_timeout, self.transport.abort)


PROTOCOL: dict[str, Any] = {
    "ws": Protocol,
    "ws_max_size": MAX_MESSAGE_BYTES,
    # Events are small, and its buffers would be most of what a connection takes.
    "ws_per_message_deflate": False,
    # Seconds between two pings, and for an answer: then the client is gone.
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
