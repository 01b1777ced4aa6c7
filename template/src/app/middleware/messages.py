"""The names of the ASGI messages that begin a response."""

STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
"""The response to a WebSocket handshake has names of its own."""
