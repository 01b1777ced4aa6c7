"""CORS, as Starlette does it, but without a hint for foreign origins."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class StrictCORSMiddleware(CORSMiddleware):
    """Starlette's, but a foreign origin learns nothing: it gets no CORS header at all."""

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        if not self.is_allowed_origin(request_headers.get("origin", "")):
            request_headers = Headers()
        await super().simple_response(scope, receive, send, request_headers)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if not self.is_allowed_origin(request_headers["origin"]):
            for name in [name for name in response.headers if name.startswith("access-control-")]:
                del response.headers[name]
        return response
