"""The names of the ASGI messages that begin a response."""

STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
"""The response to a request to upgrade the connection begins with other messages."""
