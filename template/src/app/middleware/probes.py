"""Middleware that exempts the health probes from other middleware."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

PROBE_PATHS = frozenset({"/health", "/ready"})


def is_probe(scope: Scope) -> bool:
    """Return whether the request is a health probe. The path may begin with ROOT_PATH."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) in PROBE_PATHS


class ExceptProbesMiddleware:
    """Apply another middleware to all requests except health probes.

    Orchestrators send probes often, over plain HTTP and with an IP address in the `Host` header, so
    the other middleware might reject or redirect probes.
    """

    def __init__(self, app: ASGIApp, guard: Middleware) -> None:
        self.app = app
        self._guarded = guard.cls(app, *guard.args, **guard.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.app if is_probe(scope) else self._guarded)(scope, receive, send)
