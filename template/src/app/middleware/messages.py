"""Types of ASGI messages that the middleware has to recognize."""

RESPONSE_START_TYPES = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""Types of messages that start a response, also to a request to upgrade the connection."""
