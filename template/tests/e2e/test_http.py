"""What every answer has, and what the edge lets in."""

import gzip
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Request
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app
from tests.support.apps import client_of

ITEMS = "/api/v1/items"
ORIGIN = "https://app.example.com"
FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


def app_with(settings: Settings, **changes: Any) -> FastAPI:
    """An application with other settings and a route that says what it sees of the client."""
    app = create_app(settings.model_copy(update=changes))

    @app.get("/whoami")
    async def whoami(request: Request) -> dict[str, str | None]:
        return {
            "host": request.client.host if request.client else None,
            "scheme": request.url.scheme,
        }

    @app.get("/large")
    async def large() -> dict[str, str]:
        return {"text": "x" * 5000}

    return app


class TestRequestId:
    async def test_is_the_clients_own(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"X-Request-ID": "Abc-1.2_3"})

        assert response.headers["X-Request-ID"] == "Abc-1.2_3"

    async def test_is_a_new_one_where_the_client_has_none(self, client: AsyncClient) -> None:
        first, second = [(await client.get("/health")).headers["X-Request-ID"] for _ in range(2)]

        assert UUID(first) != UUID(second)

    @pytest.mark.error_path
    @pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "a\tb", "é", '{"a":1}', "a;b"])
    async def test_is_a_new_one_where_the_clients_is_malformed(
        self, client: AsyncClient, sent: str
    ) -> None:
        response = await client.get("/health", headers={b"X-Request-ID": sent.encode()})

        assert UUID(response.headers["X-Request-ID"])

    @pytest.mark.error_path
    async def test_is_on_errors_too(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere", headers={"X-Request-ID": "mine"})

        assert response.headers["X-Request-ID"] == "mine"


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/health", ITEMS, "/docs", "/openapi.json", "/nowhere"])
    async def test_are_on_every_answer(self, client: AsyncClient, path: str) -> None:
        headers = (await client.get(path)).headers

        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]

    async def test_leave_hsts_to_production(self, client: AsyncClient) -> None:
        assert "Strict-Transport-Security" not in (await client.get("/health")).headers

    async def test_have_hsts_in_production(self, settings: Settings) -> None:
        async with client_of(app_with(settings, environment="production")) as client:
            response = await client.get("/health")

        assert response.headers["Strict-Transport-Security"].startswith("max-age=")


class TestCors:
    async def test_answers_the_preflight_of_an_allowed_origin(self, client: AsyncClient) -> None:
        response = await self.preflight(client, ORIGIN)

        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN

    async def test_lets_an_allowed_origin_read_errors(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere", headers={"Origin": ORIGIN})

        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN

    @pytest.mark.error_path
    async def test_refuses_the_preflight_of_a_foreign_origin(self, client: AsyncClient) -> None:
        response = await self.preflight(client, "https://evil.example")

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "BAD_REQUEST"
        assert "Access-Control-Allow-Origin" not in response.headers

    @pytest.mark.error_path
    async def test_gives_a_foreign_origin_no_headers(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"Origin": "https://evil.example"})

        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("access-control-")]

    async def preflight(self, client: AsyncClient, origin: str) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return await client.options(ITEMS, headers=headers)


class TestHosts:
    @pytest.mark.parametrize("path", ["/health", "/ready"])
    async def test_the_probes_answer_under_any(self, client: AsyncClient, path: str) -> None:
        assert (await client.get(path, headers={"Host": "10.0.0.1"})).status_code == 200

    @pytest.mark.error_path
    @pytest.mark.parametrize("host", ["evil.example", "test.evil.example", "", "test@evil"])
    async def test_refuses_one_that_is_not_listed(self, client: AsyncClient, host: str) -> None:
        assert (await client.get(ITEMS, headers={"Host": host})).status_code == 400

    @pytest.mark.parametrize("host", ["a.example", "A.EXAMPLE:8000"])
    async def test_takes_a_subdomain_of_a_wildcard(self, settings: Settings, host: str) -> None:
        app = app_with(settings, allowed_hosts=["*.example", "a.example"])

        async with client_of(app) as client:
            assert (await client.get("/whoami", headers={"Host": host})).status_code == 200


class TestHttpsRedirect:
    async def test_sends_everything_to_https(self, settings: Settings) -> None:
        async with client_of(app_with(settings, https_redirect=True)) as client:
            response = await client.get(f"{ITEMS}?page=2")

        assert response.status_code == 307
        assert response.headers["Location"] == f"https://test{ITEMS}?page=2"

    async def test_leaves_the_probes_alone(self, settings: Settings) -> None:
        async with client_of(app_with(settings, https_redirect=True)) as client:
            assert (await client.get("/health")).status_code == 200

    async def test_believes_a_trusted_proxy_that_it_was_https(self, settings: Settings) -> None:
        app = app_with(settings, https_redirect=True, trusted_proxies=["127.0.0.1"])

        async with client_of(app) as client:
            response = await client.get("/whoami", headers={"X-Forwarded-Proto": "https"})

        assert response.status_code == 200


class TestProxies:
    async def seen(self, app: FastAPI, peer: str) -> Any:
        """What the application knows of a client whom this peer forwards."""
        transport = ASGITransport(app, client=(peer, 1234))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get("/whoami", headers=FORWARDED)).json()

    @pytest.mark.parametrize("trusted", ["10.0.0.5", "10.0.0.0/8"])
    async def test_names_the_client_where_the_peer_is_trusted(
        self, settings: Settings, trusted: str
    ) -> None:
        app = app_with(settings, trusted_proxies=[trusted])

        assert await self.seen(app, "10.0.0.5") == {"host": "203.0.113.9", "scheme": "https"}

    async def test_knows_a_trusted_peer_by_its_mapped_address(self, settings: Settings) -> None:
        app = app_with(settings, trusted_proxies=["10.0.0.0/8"])

        assert (await self.seen(app, "::ffff:10.0.0.5"))["host"] == "203.0.113.9"

    @pytest.mark.error_path
    @pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.5"])
    async def test_nobody_is_trusted_by_default(self, settings: Settings, peer: str) -> None:
        assert await self.seen(app_with(settings), peer) == {"host": peer, "scheme": "http"}

    @pytest.mark.error_path
    async def test_ignores_a_peer_outside_the_list(self, settings: Settings) -> None:
        app = app_with(settings, trusted_proxies=["10.0.0.0/8"])

        assert (await self.seen(app, "192.0.2.1"))["host"] == "192.0.2.1"


class TestCompression:
    async def test_compresses_a_large_answer(self, settings: Settings) -> None:
        async with client_of(app_with(settings)) as client:
            request = client.build_request("GET", "/large", headers={"Accept-Encoding": "gzip"})
            response = await client.send(request, stream=True)
            raw = b"".join([chunk async for chunk in response.aiter_raw()])

        assert response.headers["Content-Encoding"] == "gzip"
        assert b"xxxx" in gzip.decompress(raw)

    async def test_leaves_a_small_one_alone(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"Accept-Encoding": "gzip"})

        assert "Content-Encoding" not in response.headers
