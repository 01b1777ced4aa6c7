"""The service keeps what its OpenAPI document says, whatever is thrown at it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, strategies
from hypothesis import settings as hypothesis_settings
from schemathesis.python.asgi import HOST, shutdown_lifespans

from app.config import DATABASE_URL_FORM, Settings
from app.core.ids import uuid7
from app.main import create_app
from app.shared.pagination import Cursor

hypothesis_settings.register_profile(
    "contract",
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
hypothesis_settings.load_profile("contract")


# A cursor is opaque to clients: they send back one that they were given.
schemathesis.openapi.format(
    "cursor", strategies.just(Cursor(datetime(2026, 1, 1, tzinfo=UTC), uuid7()).encode())
)

# The document needs no settings; the calls below go to an application that has its database.
schema = schemathesis.openapi.from_dict(
    create_app(
        Settings(_env_file=None, environment="development", database_url=DATABASE_URL_FORM)
    ).openapi()
)


@pytest.fixture(scope="module")
def api(committing_settings: Settings) -> Iterator[FastAPI]:
    yield create_app(committing_settings.model_copy(update={"allowed_hosts": [HOST]}))
    shutdown_lifespans()


@pytest.mark.sad
@schema.parametrize()
def test_keeps_the_contract(case: schemathesis.Case[Any], api: FastAPI) -> None:
    case.call_and_validate(app=api)


def test_these_are_the_routes(shared_app: FastAPI) -> None:
    """Features are found, not listed: this is the one list, for a reader and against surprises."""
    assert [
        f"{method.upper()} {path}"
        for path, operations in shared_app.openapi()["paths"].items()
        for method in operations
    ] == [
        "GET /health",
        "GET /ready",
        "POST /api/v1/items",
        "GET /api/v1/items",
        "GET /api/v1/items/feed",
        "GET /api/v1/items/{item_id}",
        "PATCH /api/v1/items/{item_id}",
        "DELETE /api/v1/items/{item_id}",
    ]


@pytest.mark.sad
def test_every_operation_declares_its_errors_in_the_envelope(shared_app: FastAPI) -> None:
    for path, operations in shared_app.openapi()["paths"].items():
        if not path.startswith("/api/"):
            continue
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    body = response["content"]["application/json"]
                    assert body["schema"]["$ref"].endswith("/ErrorResponse")
                    assert body["example"]["error"]["code"]
