"""Contract tests: every response matches the OpenAPI document, even if the request is invalid."""

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx2 import AsyncClient
from hypothesis import HealthCheck, strategies
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import positive_data_acceptance
from schemathesis.python.asgi import HOST, shutdown_lifespans

from app.config import Settings, example_settings
from app.core.database import Database
from app.core.ids import uuid7
from app.main import create_app
from app.shared.pagination import Cursor
from tests.support.apps import client_for, running_app, use_database

JSON = {"Content-Type": "application/json"}

hypothesis_settings.register_profile(
    "contract",
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
hypothesis_settings.load_profile("contract")


# Generated requests contain a valid cursor, because the service rejects random text as a cursor.
schemathesis.openapi.format(
    "cursor", strategies.just(Cursor(datetime(2026, 1, 1, tzinfo=UTC), uuid7()).encode())
)

# This application only provides the OpenAPI document. Requests are sent to the fixture `api`.
schema = schemathesis.openapi.from_dict(create_app(example_settings()).openapi())


@pytest.fixture(scope="module")
def api(committing_settings: Settings) -> Iterator[FastAPI]:
    yield create_app(committing_settings.model_copy(update={"allowed_hosts": [HOST]}))
    shutdown_lifespans()


@pytest.mark.error_path
@schema.parametrize()
def test_responses_match_the_openapi_document(
    case: schemathesis.Case[Any], api: FastAPI, api_headers: dict[str, str]
) -> None:
    # An OpenAPI schema cannot express that the service rejects common passwords or some bytes, or
    # that a reference needs an existing row. Schemas mark other such fields by `x-further-rules`.
    names = case.body if isinstance(case.body, dict) else {}
    named_password = any("password" in name for name in names)
    sends_bytes = case.media_type == "multipart/form-data"
    has_rules = "x-further-rules" in json.dumps(_request_schema(case))
    is_excluded = named_password or sends_bytes or has_rules
    excluded = [positive_data_acceptance] if is_excluded else []
    case.call_and_validate(app=api, headers=api_headers, excluded_checks=excluded)


def _request_schema(case: schemathesis.Case[Any]) -> Any:
    """Return the JSON schema of the operation's request body, or None if it has no body."""
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return schema.raw_schema["components"]["schemas"].get(reference.rpartition("/")[2])


def test_the_routes_are_those_in_routes_txt(shared_app: FastAPI) -> None:
    """`routes.txt` and `routes_….txt` list all routes. The code finds its routes at startup."""
    routes = [
        f"{method.upper()} {path}\n"
        for path, operations in shared_app.openapi()["paths"].items()
        for method in operations
    ]

    files = Path(__file__).parent.glob("routes*.txt")
    expected = [line for file in files for line in file.read_text().splitlines(keepends=True)]
    assert sorted(routes) == sorted(expected)


def test_routes_with_different_paths_have_different_names(shared_app: FastAPI) -> None:
    """`request.url_for` uses the first route with the given name, regardless of the API version."""
    routes = {(route.name, route.path) for route in iter_route_contexts(shared_app.routes)}
    names = Counter(name for name, _ in routes)

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.error_path
def test_every_operation_documents_its_errors_in_the_error_envelope(shared_app: FastAPI) -> None:
    for path, operations in shared_app.openapi()["paths"].items():
        if not path.startswith("/api/"):
            continue
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    body = response["content"]["application/json"]
                    assert body["schema"]["$ref"].endswith("/ErrorResponse")
                    assert body["example"]["error"]["code"]


def _body_schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the JSON schema of every body. A body of bytes has no named schema."""
    for operations in document["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for media_type, content in body.get("content", {}).items():
                    if media_type in {"*/*", "multipart/form-data"}:
                        continue
                    name = content["schema"]["$ref"].rpartition("/")[2]
                    yield name, document["components"]["schemas"][name]


def test_every_body_schema_has_an_example_with_its_fields(shared_app: FastAPI) -> None:
    for name, body in _body_schemas(shared_app.openapi()):
        assert body.get("examples"), name
        for example in body["examples"]:
            assert set(body.get("required", [])) <= example.keys() <= body["properties"].keys()


@pytest.fixture
async def client(
    committing_settings: Settings, api_headers: dict[str, str]
) -> AsyncGenerator[AsyncClient]:
    """An HTTP client that is allowed to call every route, because it sends `api_headers`."""
    async with (
        Database.connect(committing_settings) as database,
        running_app(create_app(committing_settings)) as app,
        client_for(app) as client,
    ):
        use_database(app, database)
        client.headers.update(api_headers)
        yield client


@pytest.mark.error_path
async def test_every_field_returns_422_for_an_unpaired_surrogate(
    shared_app: FastAPI, client: AsyncClient
) -> None:
    document = shared_app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            url = re.sub(r"\{\w+\}", str(uuid7()), path)
            name = content["schema"]["$ref"].rpartition("/")[2]
            (example,) = document["components"]["schemas"][name]["examples"]
            for field in example:
                body = json.dumps({**example, field: "\ud800"})
                response = await client.request(method, url, content=body, headers=JSON)

                assert response.status_code == 422, f"{method} {path}: {field}"
                errors = response.json()["error"]["details"]["errors"]
                assert [error["field"] for error in errors] == [field]
