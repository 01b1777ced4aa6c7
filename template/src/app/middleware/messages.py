"""ASGI message types that several middleware classes handle."""

RESPONSE_START_TYPES = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""The ASGI message types that contain response headers, such as `websocket.accept`."""
