"""Keeps other middleware away from the health probes."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

PROBE_PATHS = frozenset({"/health", "/ready"})


def is_probe(scope: Scope) -> bool:
    """Whether a request asks for a probe, also below the prefix that a proxy strips."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) in PROBE_PATHS


class ExceptProbesMiddleware:
    """Apply another middleware to every request but the probes.

    Probes come by address instead of host name, over plain HTTP, and often.
    """

    def __init__(self, app: ASGIApp, guard: Middleware) -> None:
        self.app = app
        self._guarded = guard.cls(app, *guard.args, **guard.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.app if is_probe(scope) else self._guarded)(scope, receive, send)
