"""Types of ASGI messages that several middleware classes look for."""

RESPONSE_START_TYPES = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""Types of ASGI messages that start a response or accept an upgrade of the connection."""
