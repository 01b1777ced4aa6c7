"""Middleware that exempts some paths, such as `/health`, from another middleware."""

from collections.abc import Set as AbstractSet

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

PROBE_PATHS = frozenset({"/health", "/ready"})


class ExceptPathsMiddleware:
    """Apply another middleware to all requests except GET and HEAD requests to certain paths.

    Orchestrators send probes often, over plain HTTP and with an IP address in the `Host` header, so
    the other middleware might reject or redirect probes.
    """

    def __init__(self, app: ASGIApp, guard: Middleware, paths: AbstractSet[str]) -> None:
        self.app = app
        self._guarded = guard.cls(app, *guard.args, **guard.kwargs)
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.app if self._is_exempt(scope) else self._guarded)(scope, receive, send)

    def _is_exempt(self, scope: Scope) -> bool:
        """Return whether the request is exempt. The request's path may begin with ROOT_PATH."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return False
        path: str = scope["path"]
        return path.removeprefix(scope.get("root_path", "")) in self._paths
