"""Types of ASGI messages that several middleware classes look for."""

RESPONSE_START_TYPES = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""Types of the ASGI messages that contain response headers, such as `websocket.accept`."""
