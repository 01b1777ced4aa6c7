"""Who may reach what: nobody without a token, nobody another's things, no user an admin's."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from app.core.ids import uuid7
from tests.support.apps import client_of
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
FOR_ADMINS = {
    ("GET", "/api/v1/users"),
    ("GET", "/api/v1/users/{user_id}"),
    ("PATCH", "/api/v1/users/{user_id}"),
    ("DELETE", "/api/v1/users/{user_id}"),
}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every operation of the OpenAPI document."""
    return [
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]


def fill(path: str) -> str:
    """The path with an id for each of its parameters."""
    return path.replace("{item_id}", str(uuid7())).replace("{user_id}", str(uuid7()))


async def test_nothing_else_answers_an_anonymous_caller(
    app: FastAPI, anonymous: AsyncClient
) -> None:
    for method, path in routes(app):
        if (method, path) in PUBLIC:
            continue
        response = await anonymous.request(method, fill(path))
        assert response.status_code == 401, f"{method} {path} is open: protect it, or list it"


async def test_the_list_of_public_routes_is_not_stale(app: FastAPI) -> None:
    assert set(routes(app)) >= PUBLIC | FOR_ADMINS


async def test_a_user_gets_403_from_every_admins_route(client: AsyncClient) -> None:
    for method, path in FOR_ADMINS:
        response = await client.request(method, fill(path), json={} if method == "PATCH" else None)
        assert response.status_code == 403, f"{method} {path}"
        assert response.json()["error"]["code"] == "FORBIDDEN"


class TestAnothersItem:
    @pytest.fixture
    async def anothers(self, app: FastAPI, make_account: MakeAccount) -> dict[str, Any]:
        async with client_of(app) as other:
            other.headers["Authorization"] = (await make_account()).bearer
            item: dict[str, Any] = (await other.post(ITEMS, json=item_data(title="Theirs"))).json()
        return item

    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    async def test_is_404_just_like_none_at_all(
        self, client: AsyncClient, anothers: dict[str, Any], method: str
    ) -> None:
        body = {"title": "Mine"} if method == "PATCH" else None

        response = await client.request(method, f"{ITEMS}/{anothers['id']}", json=body)

        assert response.status_code == 404
        assert response.json()["error"]["message"] == f"Item not found: {anothers['id']}"

    async def test_stays_as_it_was(
        self, client: AsyncClient, admin_client: AsyncClient, anothers: dict[str, Any]
    ) -> None:
        await client.patch(f"{ITEMS}/{anothers['id']}", json={"title": "Mine"})
        await client.delete(f"{ITEMS}/{anothers['id']}")

        assert (await admin_client.get(f"{ITEMS}/{anothers['id']}")).json() == anothers

    @pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/feed", f"{ITEMS}?q=theirs"])
    async def test_is_in_no_list(
        self, client: AsyncClient, anothers: dict[str, Any], path: str
    ) -> None:
        body = (await client.get(path)).json()

        assert anothers["id"] not in str(body)
        assert body.get("total", 0) == 0

    async def test_is_an_admins_to_see_and_change(
        self, admin_client: AsyncClient, anothers: dict[str, Any]
    ) -> None:
        url = f"{ITEMS}/{anothers['id']}"

        assert (await admin_client.get(ITEMS)).json()["total"] == 1
        assert (await admin_client.patch(url, json={"title": "x"})).status_code == 200
        assert (await admin_client.delete(url)).status_code == 204


@pytest.mark.parametrize(
    "extra",
    [{"owner_id": str(uuid7())}, {"owner": "x"}, {"created_at": "2020-01-01T00:00:00Z"}],
)
async def test_nobody_assigns_what_the_server_decides(
    client: AsyncClient, extra: dict[str, str]
) -> None:
    item = (await client.post(ITEMS, json=item_data())).json()

    assert (await client.post(ITEMS, json=item_data(**extra))).status_code == 422
    assert (await client.patch(f"{ITEMS}/{item['id']}", json=extra)).status_code == 422


async def test_an_item_belongs_to_who_made_it(client: AsyncClient) -> None:
    item = (await client.post(ITEMS, json=item_data())).json()
    me = (await client.get("/api/v1/users/me")).json()

    assert item["owner_id"] == me["id"]
