"""Tests of the items API, with HTTP requests to the complete application."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx2 import AsyncClient

from app.core.ids import uuid7
from tests.support.factories import item_data

ITEMS = "/api/v1/items"


async def create(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post(ITEMS, json=item_data(**changes))
    assert response.status_code == 201, response.text
    item: dict[str, Any] = response.json()
    return item


async def titles(client: AsyncClient, **params: Any) -> list[str]:
    response = await client.get(ITEMS, params=params)
    assert response.status_code == 200, response.text
    return [item["title"] for item in response.json()["items"]]


class TestCreateItem:
    async def test_returns_201_with_the_item(self, client: AsyncClient) -> None:
        item = await create(client, title="Write", description="A report")

        assert (item["title"], item["description"]) == ("Write", "A report")
        assert UUID(item["id"]).version == 7

    async def test_returns_the_path_of_the_item_in_location(self, client: AsyncClient) -> None:
        response = await client.post(ITEMS, json=item_data())

        assert response.headers["Location"] == f"{ITEMS}/{response.json()['id']}"

    async def test_sets_created_at_to_the_current_time_in_utc(self, client: AsyncClient) -> None:
        item = await create(client)

        created_at = datetime.fromisoformat(item["created_at"])
        assert created_at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - created_at) < timedelta(seconds=5)
        assert item["updated_at"] == item["created_at"]

    async def test_strips_whitespace_from_the_title(self, client: AsyncClient) -> None:
        assert (await create(client, title="  Write \n"))["title"] == "Write"

    async def test_the_description_is_optional(self, client: AsyncClient) -> None:
        response = await client.post(ITEMS, json={"title": "Write"})

        assert response.json()["description"] is None

    @pytest.mark.parametrize("text", ["é ü ß", "日本語", "🙂", "'; DROP TABLE items; --", "<b>"])
    async def test_stores_any_text_unchanged(self, client: AsyncClient, text: str) -> None:
        assert (await create(client, title=text))["title"] == text

    @pytest.mark.error_path
    @pytest.mark.parametrize(
        ("changes", "field", "kind"),
        [
            ({"title": ""}, "title", "string_too_short"),
            ({"title": "   "}, "title", "string_too_short"),
            ({"title": "\x85"}, "title", "string_too_short"),
            ({"title": "\ufeff"}, "title", "string_pattern_mismatch"),
            ({"title": "x" * 201}, "title", "string_too_long"),
            ({"title": None}, "title", "string_type"),
            ({"title": 1}, "title", "string_type"),
            ({"title": "a\0b"}, "title", "string_pattern_mismatch"),
            ({"description": "x" * 2001}, "description", "string_too_long"),
            ({"description": "a\0b"}, "description", "string_pattern_mismatch"),
            ({"id": str(UUID(int=1))}, "id", "extra_forbidden"),
            ({"color": "red"}, "color", "extra_forbidden"),
        ],
    )
    async def test_returns_422_and_names_the_field(
        self, client: AsyncClient, changes: dict[str, Any], field: str, kind: str
    ) -> None:
        response = await client.post(ITEMS, json=item_data(**changes))

        assert response.status_code == 422
        (error,) = response.json()["error"]["details"]["errors"]
        assert (error["field"], error["type"]) == (field, kind)

    @pytest.mark.error_path
    async def test_returns_422_for_an_empty_body(self, client: AsyncClient) -> None:
        response = await client.post(ITEMS, headers={"Content-Type": "application/json"})

        assert response.status_code == 422


class TestGetItem:
    async def test_returns_the_created_item(self, client: AsyncClient) -> None:
        item = await create(client)

        assert (await client.get(f"{ITEMS}/{item['id']}")).json() == item

    @pytest.mark.error_path
    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    async def test_returns_404_for_an_unknown_id(self, client: AsyncClient, method: str) -> None:
        item_id = uuid7()

        response = await client.request(
            method, f"{ITEMS}/{item_id}", json={"title": "x"} if method == "PATCH" else None
        )

        assert response.status_code == 404
        assert response.json()["error"] == {
            "code": "NOT_FOUND",
            "message": f"Item not found: {item_id}",
            "details": {"resource": "Item", "identifier": str(item_id)},
        }

    @pytest.mark.error_path
    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    async def test_returns_422_for_a_malformed_id(self, client: AsyncClient, method: str) -> None:
        response = await client.request(
            method, f"{ITEMS}/42", json={"title": "x"} if method == "PATCH" else None
        )

        assert response.status_code == 422
        assert response.json()["error"]["details"]["errors"][0]["field"] == "item_id"


class TestUpdateItem:
    async def test_changes_only_the_given_fields(self, client: AsyncClient) -> None:
        item = await create(client, title="Old", description="Kept")

        response = await client.patch(f"{ITEMS}/{item['id']}", json={"title": "New"})

        assert response.status_code == 200
        assert (response.json()["title"], response.json()["description"]) == ("New", "Kept")

    async def test_changes_updated_at_but_not_created_at(self, client: AsyncClient) -> None:
        item = await create(client)

        changed = (await client.patch(f"{ITEMS}/{item['id']}", json={"title": "New"})).json()

        assert changed["updated_at"] > item["updated_at"]
        assert changed["created_at"] == item["created_at"]

    async def test_null_removes_the_description(self, client: AsyncClient) -> None:
        item = await create(client)

        response = await client.patch(f"{ITEMS}/{item['id']}", json={"description": None})

        assert response.json()["description"] is None

    async def test_an_empty_body_changes_nothing(self, client: AsyncClient) -> None:
        item = await create(client)

        response = await client.patch(f"{ITEMS}/{item['id']}", json={})

        assert response.json() == item

    async def test_the_next_request_returns_the_changed_item(self, client: AsyncClient) -> None:
        item = await create(client)

        changed = (await client.patch(f"{ITEMS}/{item['id']}", json={"title": "New"})).json()

        assert (await client.get(f"{ITEMS}/{item['id']}")).json() == changed

    @pytest.mark.error_path
    @pytest.mark.parametrize(
        "body", [{"title": None}, {"title": " "}, {"created_at": "2026-01-01T00:00:00Z"}, [], "x"]
    )
    async def test_returns_422_for_an_invalid_body_and_changes_nothing(
        self, client: AsyncClient, body: Any
    ) -> None:
        item = await create(client)

        response = await client.patch(f"{ITEMS}/{item['id']}", json=body)

        assert response.status_code == 422
        assert (await client.get(f"{ITEMS}/{item['id']}")).json() == item


class TestDeleteItem:
    async def test_returns_204_without_a_body(self, client: AsyncClient) -> None:
        item = await create(client)

        response = await client.delete(f"{ITEMS}/{item['id']}")

        assert (response.status_code, response.content) == (204, b"")

    @pytest.mark.error_path
    async def test_returns_404_for_a_deleted_item(self, client: AsyncClient) -> None:
        item = await create(client)
        await client.delete(f"{ITEMS}/{item['id']}")

        assert (await client.get(f"{ITEMS}/{item['id']}")).status_code == 404
        assert (await client.delete(f"{ITEMS}/{item['id']}")).status_code == 404


class TestListItems:
    async def test_returns_an_empty_page_if_there_are_no_items(self, client: AsyncClient) -> None:
        assert (await client.get(ITEMS)).json() == {
            "items": [],
            "total": 0,
            "page": 1,
            "page_size": 20,
            "has_next": False,
        }

    async def test_the_pages_contain_every_item_once(self, client: AsyncClient) -> None:
        created = {(await create(client))["id"] for _ in range(5)}

        pages = [
            (await client.get(ITEMS, params={"page": page, "page_size": 2})).json()
            for page in (1, 2, 3)
        ]

        assert [page["has_next"] for page in pages] == [True, True, False]
        assert {page["total"] for page in pages} == {5}
        assert sorted(item["id"] for page in pages for item in page["items"]) == sorted(created)

    async def test_a_page_past_the_end_is_empty_and_has_the_total(
        self, client: AsyncClient
    ) -> None:
        await create(client)

        page = (await client.get(ITEMS, params={"page": 9})).json()

        assert (page["items"], page["total"], page["has_next"]) == ([], 1, False)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("created_at", ["b", "a", "c"]),
            ("-created_at", ["c", "a", "b"]),
            ("title", ["a", "b", "c"]),
            ("-title", ["c", "b", "a"]),
        ],
    )
    async def test_sorts_by_the_requested_column(
        self, client: AsyncClient, sort: str, expected: list[str]
    ) -> None:
        for title in ("b", "a", "c"):
            await create(client, title=title)

        assert await titles(client, sort=sort) == expected

    async def test_returns_the_newest_item_first_by_default(self, client: AsyncClient) -> None:
        for title in ("first", "second"):
            await create(client, title=title)

        assert await titles(client) == ["second", "first"]

    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("PORT", ["Report"]),
            ("éT", ["Été"]),
            ("%", ["100%"]),
            ("_", ["a_b"]),
            ("\\", ["c:\\d"]),
            ("nothing", []),
            ("'", []),
        ],
    )
    async def test_searches_for_a_literal_part_of_the_title(
        self, client: AsyncClient, q: str, expected: list[str]
    ) -> None:
        for title in ("Report", "Été", "100%", "a_b", "c:\\d"):
            await create(client, title=title)

        assert await titles(client, q=q) == expected

    async def test_the_total_counts_only_the_items_found(self, client: AsyncClient) -> None:
        await create(client, title="Report")
        await create(client, title="Other")

        assert (await client.get(ITEMS, params={"q": "report"})).json()["total"] == 1

    @pytest.mark.error_path
    @pytest.mark.parametrize("q", ["%FF", "%ED%A0%80"])
    async def test_finds_nothing_if_the_search_text_is_not_utf8(
        self, client: AsyncClient, q: str
    ) -> None:
        await create(client)

        response = await client.get(f"{ITEMS}?q={q}")

        assert (response.status_code, response.json()["items"]) == (200, [])

    @pytest.mark.error_path
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("page", "0"),
            ("page", "-1"),
            ("page", "x"),
            ("page", "9" * 30),
            ("page_size", "0"),
            ("page_size", "101"),
            ("sort", "id"),
            ("sort", "title; DROP TABLE items"),
            ("q", "x" * 201),
            ("q", "\0"),
        ],
    )
    async def test_returns_422_for_an_invalid_parameter(
        self, client: AsyncClient, name: str, value: str
    ) -> None:
        response = await client.get(ITEMS, params={name: value})

        assert response.status_code == 422
        assert response.json()["error"]["details"]["errors"][0]["field"] == name


class TestItemFeed:
    async def test_returns_every_item_once_and_newest_first(self, client: AsyncClient) -> None:
        created = [(await create(client))["id"] for _ in range(5)]

        assert await self.ids_from(client, limit=2) == created[::-1]

    async def test_the_only_page_has_a_null_cursor(self, client: AsyncClient) -> None:
        await create(client)

        assert (await client.get(f"{ITEMS}/feed")).json()["next_cursor"] is None

    async def test_a_full_last_page_has_a_null_cursor(self, client: AsyncClient) -> None:
        for _ in range(2):
            await create(client)

        assert (await client.get(f"{ITEMS}/feed?limit=2")).json()["next_cursor"] is None

    async def test_returns_every_item_once_while_others_are_created(
        self, client: AsyncClient
    ) -> None:
        created = [(await create(client))["id"] for _ in range(4)]
        first = (await client.get(f"{ITEMS}/feed?limit=2")).json()
        await create(client)

        rest = await self.ids_from(client, limit=2, cursor=first["next_cursor"])

        assert [item["id"] for item in first["items"]] + rest == created[::-1]

    async def test_an_empty_cursor_returns_the_first_page(self, client: AsyncClient) -> None:
        first = (await client.get(f"{ITEMS}/feed")).json()

        assert (await client.get(f"{ITEMS}/feed?cursor=")).json() == first

    @pytest.mark.error_path
    @pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "0" * 201, "\0"])
    async def test_returns_422_for_a_malformed_cursor(
        self, client: AsyncClient, cursor: str
    ) -> None:
        response = await client.get(f"{ITEMS}/feed", params={"cursor": cursor})

        assert response.status_code == 422
        assert response.json()["error"]["details"]["errors"][0]["field"] == "cursor"

    @pytest.mark.error_path
    @pytest.mark.parametrize("limit", ["0", "101", "x"])
    async def test_returns_422_for_a_limit_out_of_bounds(
        self, client: AsyncClient, limit: str
    ) -> None:
        response = await client.get(f"{ITEMS}/feed", params={"limit": limit})

        assert response.status_code == 422

    async def ids_from(
        self, client: AsyncClient, *, limit: int, cursor: str | None = None
    ) -> list[str]:
        """Return the ids of the feed items after `cursor`, or of all items if `cursor` is None."""
        ids: list[str] = []
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"{ITEMS}/feed", params=params)).json()
            ids += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return ids
