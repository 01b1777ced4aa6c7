"""Schemas, codes and OpenAPI documentation of error responses."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

CODES = {
    413: "PAYLOAD_TOO_LARGE",
    416: "RANGE_NOT_SATISFIABLE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
}
"""Error codes that differ from the name of the HTTP status, keyed by status."""

EXAMPLE: JsonDict = {
    "code": "NOT_FOUND",
    "message": "Item not found: 019c1333-4f40-7c1e-9d3a-5b8e2f7a6c10",
    "details": {"resource": "Item", "identifier": "019c1333-4f40-7c1e-9d3a-5b8e2f7a6c10"},
}


class ErrorBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    code: str = Field(description="Stable, machine-readable error code.")
    message: str = Field(description="Human-readable message. It may change.")
    details: dict[str, Any] = Field(description="Details about the cause of the error.")


class ErrorResponse(BaseModel):
    """Body of every error response."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"error": EXAMPLE}]})

    error: ErrorBody


EXAMPLES: dict[int, tuple[str, dict[str, Any]]] = {
    400: ("The body is not valid JSON.", {}),
    404: ("Item not found: 0198…", {"resource": "Item", "identifier": "0198…"}),
    409: ("The name is already taken.", {"field": "name"}),
    413: ("Content Too Large", {}),
    415: ("Send the body as application/json.", {}),
    422: (
        "The request is not valid.",
        {"errors": [{"field": "title", "message": "Field required", "type": "missing"}]},
    ),
    429: ("Too many requests. Try again after the seconds in Retry-After.", {"retry_after": 30}),
    500: ("The server encountered an internal error.", {}),
    503: ("The database is unavailable. Try again in a few seconds.", {}),
}


def error_code(status_code: int) -> str:
    """Return the error code for an HTTP status, such as `NOT_FOUND` for 404."""
    return CODES.get(status_code) or HTTPStatus(status_code).name


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` argument for a route or router that may return the given statuses."""
    return {status: _document(status) for status in statuses}


def _document(status: int) -> dict[str, Any]:
    message, details = EXAMPLES.get(status, (HTTPStatus(status).phrase, {}))
    error = {"code": error_code(status), "message": message, "details": details}
    return {
        "model": ErrorResponse,
        "description": HTTPStatus(status).phrase,
        "content": {"application/json": {"example": {"error": error}}},
    }
