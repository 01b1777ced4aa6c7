"""Exceptions with an HTTP status code, and handlers that convert errors into JSON responses.

Services and repositories raise subclasses of `AppError`. The exception handlers convert these
errors, and the errors of FastAPI and Starlette, into JSON of the form
`{"error": {"code": …, "message": …, "details": …}}`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from app.core.logging import get_logger
from app.shared.responses import error_code

logger = get_logger(__name__)

MAX_REPORTED_ERRORS = 100
"""Maximum number of validation errors in a response; a large body can cause a million errors."""

MESSAGES = {500: "The server encountered an internal error."}
"""Error messages by status code.

The message for a status code that is not listed here is the HTTP reason phrase.
"""


class AppError(Exception):
    """Base class of errors that determine the status code of the response.

    If `status_code` is below 500, the client receives `message` and `details`, which must therefore
    contain no implementation details. If `status_code` is 500 or higher, the error is logged, and
    the client receives a generic message unless `is_public` is true.
    """

    status_code: ClassVar[int] = 500
    is_public: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.headers = headers


class NotFoundError(AppError):
    status_code = 404

    def __init__(self, resource: str, identifier: object) -> None:
        super().__init__(
            f"{resource} not found: {identifier}",
            details={"resource": resource, "identifier": str(identifier)},
        )


class ConflictError(AppError):
    status_code = 409

    def __init__(
        self, message: str = "The request conflicts with existing data.", field: str | None = None
    ) -> None:
        super().__init__(message, details={"field": field} if field else None)


class ValidationError(AppError):
    """Raised by a service or repository for input that is well-formed but invalid."""

    status_code = 422

    def __init__(self, message: str, *, field: str, kind: str = "value_error") -> None:
        error = {"field": field, "message": message, "type": kind}
        super().__init__(message, details={"errors": [error]})


class ServiceUnavailableError(AppError):
    """Raised if a server that this service depends on, such as the database, is unavailable.

    `retry_after` is the number of seconds after which a client should try again.
    """

    status_code = 503
    is_public = True

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


def error_response(
    status_code: int,
    message: str | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an error as a JSON response. The default message depends on the status code."""
    body = {
        "code": error_code(status_code),
        "message": message or MESSAGES.get(status_code) or HTTPStatus(status_code).phrase,
        "details": details or {},
    }
    return JSONResponse({"error": body}, status_code, headers)


async def handle_app_error(_request: Request, exc: AppError) -> JSONResponse:
    if exc.status_code >= 500:
        logger.error("server_error", message=exc.message, exc_info=exc)
        if not exc.is_public:
            return error_response(exc.status_code, headers=exc.headers)
    return error_response(exc.status_code, exc.message, details=exc.details, headers=exc.headers)


async def handle_http_exception(request: Request, exc: HTTPException) -> JSONResponse:
    if exc.status_code == 405:
        return _method_not_allowed(request)
    if exc.status_code >= 500:
        logger.error("server_error", message=exc.detail, exc_info=exc)
        return error_response(exc.status_code, headers=exc.headers)
    message = exc.detail if isinstance(exc.detail, str) else None
    return error_response(exc.status_code, message, headers=exc.headers)


async def handle_validation_error(request: Request, exc: RequestValidationError) -> JSONResponse:
    errors = exc.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return error_response(400, "The body is not valid JSON.")
    # `PATCH /items/feed` must be answered with 405, because `/items/feed` has no PATCH operation.
    # FastAPI matches `PATCH /items/feed` to `/items/{item_id}`, where `feed` is not a valid id.
    if any(error["loc"][0] == "path" for error in errors) and _literal_routes(request):
        return _method_not_allowed(request)
    # FastAPI leaves the body as bytes if the content type is not JSON.
    if isinstance(exc.body, bytes):
        return error_response(415, "Send the body as application/json.")
    details = {"errors": [_describe(error) for error in errors[:MAX_REPORTED_ERRORS]]}
    return error_response(422, "The request is not valid.", details=details)


def _describe(error: Mapping[str, Any]) -> dict[str, str]:
    """Return a validation error without its input, which may be a secret."""
    _source, *path = error["loc"]
    field = ".".join(map(str, path))
    return {
        # A JSON key may contain a lone surrogate, which cannot be encoded in UTF-8.
        "field": field.encode("utf-8", "replace").decode(),
        "message": error["msg"].removeprefix("Value error, "),
        "type": error["type"],
    }


def _method_not_allowed(request: Request) -> JSONResponse:
    """Return a 405 response whose `Allow` header lists all methods of the path (RFC 9110, 15.5.6).

    Starlette's 405 response lists only the methods of the first route that matches the path.
    """
    routes = _literal_routes(request) or _routes(request)
    methods = {method for route in routes for method in route.methods or ()}
    return error_response(405, headers={"Allow": ", ".join(sorted(methods))})


def _literal_routes(request: Request) -> list[RouteContext]:
    """Return the routes whose path equals the request's path and has no parameters."""
    return [route for route in _routes(request) if "{" not in (route.path or "")]


def _routes(request: Request) -> list[RouteContext]:
    """Return the routes whose path matches the request's path, regardless of their methods."""
    return [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.matches(request.scope)[0] is not Match.NONE
    ]


def add_error_handlers(app: FastAPI) -> None:
    app.exception_handler(AppError)(handle_app_error)
    app.exception_handler(HTTPException)(handle_http_exception)
    app.exception_handler(RequestValidationError)(handle_validation_error)
