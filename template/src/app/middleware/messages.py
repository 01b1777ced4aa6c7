"""Types of ASGI messages that the middleware has to recognize."""

RESPONSE_START_TYPES = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""Messages that start a response to an HTTP request or to a request to upgrade the connection."""
