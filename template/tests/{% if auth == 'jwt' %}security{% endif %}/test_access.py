"""Tests of access control: anonymous requests, items of other users, and routes for admins only."""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from app.core.ids import uuid7
from tests.support.apps import client_for
from tests.support.auth import MakeAccount
from tests.support.factories import item_data

pytestmark = pytest.mark.error_path

ITEMS = "/api/v1/items"

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("POST", "/api/v1/users"),
    ("POST", "/api/v1/auth/token"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
}
ADMINS_ONLY = {
    ("GET", "/api/v1/users"),
    ("GET", "/api/v1/users/{user_id}"),
    ("PATCH", "/api/v1/users/{user_id}"),
    ("DELETE", "/api/v1/users/{user_id}"),
}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Return the method and path of every operation in the OpenAPI document."""
    return [
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]


def fill(path: str) -> str:
    """Return the path with a random id in place of each path parameter."""
    return re.sub(r"\{\w+\}", lambda _: str(uuid7()), path)


async def test_an_anonymous_request_gets_401_from_every_other_route(
    app: FastAPI, anonymous: AsyncClient
) -> None:
    for method, path in routes(app):
        if (method, path) in PUBLIC:
            continue
        response = await anonymous.request(method, fill(path))
        assert response.status_code == 401, f"{method} {path}: protect it, or add it to PUBLIC"


async def test_all_listed_routes_exist(app: FastAPI) -> None:
    assert set(routes(app)) >= PUBLIC | ADMINS_ONLY


async def test_a_user_gets_403_from_every_route_for_admins(client: AsyncClient) -> None:
    for method, path in ADMINS_ONLY:
        response = await client.request(method, fill(path), json={} if method == "PATCH" else None)
        assert response.status_code == 403, f"{method} {path}"
        assert response.json()["error"]["code"] == "FORBIDDEN"


class TestItemOfAnotherUser:
    @pytest.fixture
    async def item(self, app: FastAPI, make_account: MakeAccount) -> dict[str, Any]:
        async with client_for(app) as other:
            other.headers["Authorization"] = (await make_account()).bearer
            created = await other.post(ITEMS, json=item_data(title="Theirs"))
        item: dict[str, Any] = created.json()
        return item

    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    async def test_returns_404_like_an_item_that_does_not_exist(
        self, client: AsyncClient, item: dict[str, Any], method: str
    ) -> None:
        body = {"title": "Mine"} if method == "PATCH" else None

        response = await client.request(method, f"{ITEMS}/{item['id']}", json=body)

        assert response.status_code == 404
        assert response.json()["error"]["message"] == f"Item not found: {item['id']}"

    async def test_is_not_changed(
        self, client: AsyncClient, admin_client: AsyncClient, item: dict[str, Any]
    ) -> None:
        await client.patch(f"{ITEMS}/{item['id']}", json={"title": "Mine"})
        await client.delete(f"{ITEMS}/{item['id']}")

        assert (await admin_client.get(f"{ITEMS}/{item['id']}")).json() == item

    @pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/feed", f"{ITEMS}?q=theirs"])
    async def test_is_not_in_any_list(
        self, client: AsyncClient, item: dict[str, Any], path: str
    ) -> None:
        body = (await client.get(path)).json()

        assert item["id"] not in str(body)
        assert body.get("total", 0) == 0

    async def test_can_be_read_and_changed_by_an_admin(
        self, admin_client: AsyncClient, item: dict[str, Any]
    ) -> None:
        url = f"{ITEMS}/{item['id']}"

        assert (await admin_client.get(ITEMS)).json()["total"] == 1
        assert (await admin_client.patch(url, json={"title": "x"})).status_code == 200
        assert (await admin_client.delete(url)).status_code == 204


@pytest.mark.parametrize(
    "extra",
    [{"owner_id": str(uuid7())}, {"owner": "x"}, {"created_at": "2020-01-01T00:00:00Z"}],
)
async def test_returns_422_for_a_field_that_the_server_sets(
    client: AsyncClient, extra: dict[str, str]
) -> None:
    item = (await client.post(ITEMS, json=item_data())).json()

    assert (await client.post(ITEMS, json=item_data(**extra))).status_code == 422
    assert (await client.patch(f"{ITEMS}/{item['id']}", json=extra)).status_code == 422


async def test_an_item_belongs_to_the_user_who_created_it(client: AsyncClient) -> None:
    item = (await client.post(ITEMS, json=item_data())).json()
    me = (await client.get("/api/v1/users/me")).json()

    assert item["owner_id"] == me["id"]
