"""A client that calls every route of a service and records the responses as text.

Values that differ between runs (ids, times, tokens) are replaced by numbered placeholders, so two
services with the same behavior produce the same transcript.
"""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

API = "/api/v1"
ADMIN, PASSWORD = "root@example.com", "correct horse battery staple"

# Response headers that are recorded in the transcript.
HEADERS = ("Location", "Allow", "WWW-Authenticate", "Retry-After", "Cache-Control")
# Regular expressions for values that differ between runs.
VARYING = {
    "id": r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "token": r"eyJ[\w-]+\.[\w-]+\.[\w-]+",
    "cursor": r"(?<=\"next_cursor\": \")[\w=-]+(?=\")|(?<=cursor=)[\w%-]{40,}",
}


class Client:
    """HTTP client that records a transcript of its requests and of the responses."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._transcript: list[str] = []

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request, record the response, and return its JSON, or None if the body is empty.

        If `body` is a dict or list, the client sends it as JSON.
        If `body` is a string, the client sends it unchanged.
        """
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict | list):
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        self._connection.request(method, path, body, sent)
        response = self._connection.getresponse()
        content = response.read().decode()
        received = response.headers
        head = [f"{name}: {received[name]}" for name in HEADERS if name in received]
        parsed = json.loads(content) if content else None
        shown = json.dumps(parsed, indent=2, ensure_ascii=False) if content else "(nothing)"
        request = f"{method} {path} {(body or '')[:300]}".rstrip()
        lines = [f"> {request}", str(response.status), *head, shown, ""]
        self._transcript.append("\n".join(lines))
        return parsed

    def close(self) -> str:
        """Close the connection and return the transcript."""
        self._connection.close()
        text = "\n".join(self._transcript)
        for name, pattern in VARYING.items():
            found = dict.fromkeys(re.findall(pattern, text))
            numbers = {value: f"<{name} {n}>" for n, value in enumerate(found, 1)}
            text = re.sub(pattern, lambda match: numbers[match[0]], text)  # noqa: B023
        return text


def record_responses(port: int, *, auth: bool) -> str:
    """Call every route with valid and invalid requests, and return the transcript."""
    client = Client(port)
    call = client.call
    call("GET", "/health")
    call("GET", "/nowhere")
    token = None
    if auth:
        token = _call_account_routes(client)
    _call_item_routes(lambda *args, **kwargs: call(*args, token=token, **kwargs))
    if auth:
        _call_as_owner_and_others(client, token)
    return client.close()


def _call_item_routes(call: Callable[..., Any]) -> None:
    items = f"{API}/items"
    for body in (
        {"title": "  Write the report  ", "description": "With figures"},
        {"title": "100 % sure"},
        {"title": "snake_case", "description": None},
        {"title": "écrire"},
    ):
        made = call("POST", items, body)
    refused: tuple[Any, ...] = (
        {},
        {"title": ""},
        {"title": "x" * 201},
        {"title": 5},
        {"title": "x", "id": "mine"},
        {"title": "x", "owner_id": None},
        {"title": "nul \x00"},
        {"title": "x", "description": "x" * 2001},
        [],
    )
    for body in refused:
        call("POST", items, body)
    json_type = {"Content-Type": "application/json"}
    call("POST", items, "{", headers=json_type)
    call("POST", items, "", headers=json_type)
    call("POST", items, "title=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    call("POST", items, json.dumps({"title": "x" * 1_100_000}), headers=json_type)
    for query in (
        "",
        "?page=2&page_size=3",
        "?page=9",
        "?sort=title",
        "?sort=-title&page_size=2",
        "?sort=created_at&page_size=1",
        f"?q={quote('%')}",
        "?q=_",
        "?q=REPORT",
        f"?q={quote('É')}&page_size=1",
        "?page=0",
        "?page_size=101",
        "?sort=description",
        "?utm_source=mail",
    ):
        call("GET", f"{items}{query}")
    feed = call("GET", f"{items}/feed?limit=3")
    call("GET", f"{items}/feed?limit=3&cursor={quote(feed['next_cursor'])}")
    for query in ("cursor=nonsense", "limit=0", "limit=101"):
        call("GET", f"{items}/feed?{query}")
    item = f"{items}/{made['id']}"
    call("GET", item)
    for change in (
        {},
        {"description": "Now with one"},
        {"description": None},
        {"title": "Renamed"},
        {"title": None},
        {"unknown": 1},
    ):
        call("PATCH", item, change)
    call("GET", item)
    call("PUT", item, {"title": "x"})
    call("PUT", items)
    call("PATCH", f"{items}/feed", {})
    call("GET", f"{items}/not-an-id")
    for method in ("GET", "PATCH", "DELETE"):
        call(
            method,
            f"{items}/00000000-0000-7000-8000-000000000000",
            {} if method == "PATCH" else None,
        )
    call("DELETE", item)
    call("DELETE", item)
    call("GET", item)


def _call_account_routes(client: Client) -> str:
    """Call the routes for users and tokens. Return the access token of a registered user."""
    call, users = client.call, f"{API}/users"
    ann = {"email": "Ann@Example.com", "name": " Ann ", "password": PASSWORD}
    me = call("POST", users, ann)
    call("POST", users, ann | {"email": "ANN@example.COM"})
    for wrong in (
        {"email": "nobody"},
        {"password": "short"},
        {"password": "password123"},
        {"name": ""},
        {"role": "admin"},
        {"is_active": True},
    ):
        call("POST", users, ann | {"email": "ben@example.com"} | wrong)
    call("POST", users, ann | {"email": "ben@example.com", "name": "Ben"})
    for username, password in (
        ("ann@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
    ):
        log_in(client, username, password)
    tokens = log_in(client, "ANN@example.com")
    token = tokens["access_token"]
    for authorization in (None, "Bearer nonsense", f"Bearer {tokens['refresh_token']}", "Basic x"):
        headers = {"Authorization": authorization} if authorization else {}
        call("GET", f"{users}/me", headers=headers)
        call("GET", f"{API}/items", headers=headers)
    call("GET", f"{users}/me", token=token)
    for change in ({"name": "Anna"}, {}, {"email": "x@example.com"}, {"role": "admin"}):
        call("PATCH", f"{users}/me", change, token=token)
    refresh = f"{API}/auth/refresh"
    fresh = call("POST", refresh, {"refresh_token": tokens["refresh_token"]})
    call("POST", refresh, {"refresh_token": tokens["refresh_token"]})
    call("POST", refresh, {"refresh_token": fresh["refresh_token"]})
    call("POST", refresh, {"refresh_token": token})
    again = log_in(client, "ann@example.com")
    for _ in range(2):
        call("POST", f"{API}/auth/logout", {"refresh_token": again["refresh_token"]})
    call("POST", refresh, {"refresh_token": again["refresh_token"]})
    call("POST", f"{API}/auth/logout", {"refresh_token": "unknown"})
    passwords = {"current_password": "wrong", "new_password": f"{PASSWORD} 2"}
    call("PUT", f"{users}/me/password", passwords, token=token)
    passwords["current_password"] = PASSWORD
    call("PUT", f"{users}/me/password", passwords, token=token)
    log_in(client, "ann@example.com")
    for path in ("", f"/{me['id']}"):
        call("GET", f"{users}{path}", token=token)
    call("PATCH", f"{users}/{me['id']}", {"role": "admin"}, token=token)
    call("DELETE", f"{users}/{me['id']}", token=token)
    return str(token)


def _call_as_owner_and_others(client: Client, token: str | None) -> None:
    """Access an item as its owner, another user and an admin. Then delete the first two users."""
    call, users, items = client.call, f"{API}/users", f"{API}/items"
    ben = log_in(client, "ben@example.com")["access_token"]
    admin = log_in(client, ADMIN)["access_token"]
    anns = call("POST", items, {"title": "Ann's"}, token=token)
    item = f"{items}/{anns['id']}"
    for who in (ben, admin):
        call("GET", item, token=who)
        call("PATCH", item, {"title": "Changed"}, token=who)
        call("GET", f"{items}?page_size=2", token=who)
        call("GET", f"{items}/feed?limit=2", token=who)
    call("DELETE", item, token=ben)
    for query in ("?sort=email&page_size=2", "?q=ANN@", "?sort=name"):
        call("GET", f"{users}{query}", token=admin)
    me = call("GET", f"{users}/me", token=ben)
    himself = f"{users}/{me['id']}"
    for change in ({"is_active": False}, {"name": "Benjamin"}, {"email": "x@example.com"}):
        call("PATCH", himself, change, token=admin)
    call("GET", f"{users}/me", token=ben)
    log_in(client, "ben@example.com")
    call("PATCH", himself, {"is_active": True, "role": "admin"}, token=admin)
    call("GET", f"{users}/{anns['owner_id']}", token=ben)
    call("PATCH", himself, {"role": "user"}, token=admin)
    root = call("GET", f"{users}/me", token=admin)
    call("PATCH", f"{users}/{root['id']}", {"role": "user"}, token=admin)
    call("DELETE", f"{users}/me", token=admin)
    call("DELETE", himself, token=admin)
    call("GET", himself, token=admin)
    call("GET", f"{users}/me", token=ben)
    call("DELETE", f"{users}/me", token=token)
    call("GET", item, token=admin)
    call("GET", f"{users}/me", token=token)


def log_in(client: Client, username: str, password: str = PASSWORD) -> Any:
    form = urlencode({"username": username, "password": password})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return client.call("POST", f"{API}/auth/token", form, headers=headers)
