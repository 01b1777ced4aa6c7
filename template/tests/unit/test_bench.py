"""Tests of the routes and requests that `just bench` derives from the OpenAPI document."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app_dev.bench import routes
from app_dev.bench.__main__ import percentile
from app_dev.bench.routes import Api, NotMeasuredError, Route, find_routes

NOTES = Route("GET", "/notes/{note_id}")

type Handler = Callable[[httpx2.Request], httpx2.Response]


def api(handler: Handler, *users: dict[str, str]) -> Api:
    client = httpx2.AsyncClient(
        transport=httpx2.MockTransport(handler), base_url="http://127.0.0.1"
    )
    return Api(client, list(users) or [{}])


def document(**operations: Any) -> dict[str, Any]:
    schema = {"examples": [{"title": "A"}, {"title": "B"}]}
    return {"paths": {"/notes": operations}, "components": {"schemas": {"Note": schema}}}


def creating(
    status: str = "201", media_type: str = "application/json", name: str = "Note"
) -> dict[str, Any]:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"responses": {status: {}}, "requestBody": {"content": content}}


# --- Routes ---


@pytest.mark.error_path
@pytest.mark.parametrize(
    "operation",
    [
        creating(status="202"),
        creating(media_type="multipart/form-data"),
        creating(name="Unknown"),
        {"responses": {"201": {}}},
    ],
)
def test_ignores_post_routes_that_create_no_row_or_have_no_example(
    operation: dict[str, Any],
) -> None:
    assert find_routes(document(post=operation)) == []


def test_finds_get_routes_and_then_routes_that_create_rows() -> None:
    found = find_routes(document(post=creating(), get={}, delete={}))

    assert found == [Route("GET", "/notes"), Route("POST", "/notes", b'{"title": "A"}')]


@pytest.mark.parametrize("pattern", ["/notes/*", "GET *", "*{note_id}"])
def test_a_pattern_matches_the_path_of_a_route_with_or_without_the_method(pattern: str) -> None:
    assert NOTES.matches(["/other", pattern])


@pytest.mark.error_path
def test_a_pattern_does_not_match_part_of_a_path() -> None:
    assert not NOTES.matches(["/notes"])


# --- Requests ---


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("route", "response", "reason"),
    [
        (Route("GET", "/notes"), httpx2.Response(422), "status 422"),
        (NOTES, httpx2.Response(200, json={"items": []}), "GET /notes returns no ids"),
        (NOTES, httpx2.Response(200, json={"total": 1}), "GET /notes returns no ids"),
        (NOTES, httpx2.Response(404), "GET /notes returns no ids"),
        (Route("GET", "/a/{a}/b/{b}"), httpx2.Response(200), "several parameters"),
    ],
)
async def test_raises_an_error_with_the_reason_if_a_route_cannot_be_measured(
    route: Route, response: httpx2.Response, reason: str
) -> None:
    with pytest.raises(NotMeasuredError, match=reason):
        await api(lambda _: response).requests(route)


@pytest.mark.error_path
async def test_does_not_measure_a_response_that_never_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "PROBE_TIMEOUT", 0.01)

    async def endless(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(10)
        return httpx2.Response(200)

    client = httpx2.AsyncClient(
        transport=httpx2.MockTransport(endless), base_url="http://127.0.0.1"
    )
    with pytest.raises(NotMeasuredError, match="no complete response"):
        await Api(client, [{}]).requests(Route("GET", "/notes"))


@pytest.mark.error_path
async def test_stops_creating_rows_when_the_service_rejects_the_example() -> None:
    received = []

    def conflict(request: httpx2.Request) -> httpx2.Response:
        received.append(request.url.path)
        return httpx2.Response(409)

    await api(conflict).create_rows([Route("GET", "/notes"), Route("POST", "/notes", b"{}")])

    assert received == ["/notes"]


@pytest.mark.parametrize("rows", [{"items": [{"id": 7}, {"id": "x"}]}, [{"id": 7}, {"id": "x"}]])
async def test_makes_a_request_for_each_row(rows: Any) -> None:
    requests = await api(lambda _: httpx2.Response(200, json=rows)).requests(NOTES)

    assert [request.split(b"\r\n")[0] for request in requests] == [
        b"GET /notes/7 HTTP/1.1",
        b"GET /notes/x HTTP/1.1",
    ]


async def test_sends_the_headers_of_the_first_user_who_has_access() -> None:
    def only_bob(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(201 if request.headers.get("X-User") == "bob" else 403)

    users = [{"X-User": name} for name in ("ann", "bob", "cid")]
    [request] = await api(only_bob, *users).requests(Route("POST", "/notes", b"{}"))

    assert request == (
        b"POST /notes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
        b"X-User: bob\r\nContent-Type: application/json\r\n\r\n{}"
    )


def test_percentiles_follow_the_nearest_rank_method() -> None:
    ascending = [float(value) for value in range(1, 201)]

    assert [percentile(ascending, percent) for percent in (50, 99)] == [100, 198]
    assert percentile([3.0], 99) == 3
