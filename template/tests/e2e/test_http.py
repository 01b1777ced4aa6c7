"""Tests of the middleware for request ids, CORS, HTTPS redirects, compression and more."""

import gzip
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Request
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app
from tests.support.apps import client_for

ITEMS = "/api/v1/items"
ORIGIN = "https://app.example.com"
FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


def app_with(settings: Settings, **changes: Any) -> FastAPI:
    """Create an application with changed settings, and with the test routes `/whoami` and `/large`.

    `/whoami` returns the client address and the URL scheme that the application sees.
    """
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
    async def test_is_taken_from_the_request(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"X-Request-ID": "Abc-1.2_3"})

        assert response.headers["X-Request-ID"] == "Abc-1.2_3"

    async def test_is_generated_if_the_request_has_none(self, client: AsyncClient) -> None:
        first, second = [(await client.get("/health")).headers["X-Request-ID"] for _ in range(2)]

        assert UUID(first) != UUID(second)

    @pytest.mark.error_path
    @pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "a\tb", "é", '{"a":1}', "a;b"])
    async def test_is_generated_if_the_id_in_the_request_is_malformed(
        self, client: AsyncClient, sent: str
    ) -> None:
        response = await client.get("/health", headers={b"X-Request-ID": sent.encode()})

        assert UUID(response.headers["X-Request-ID"])

    @pytest.mark.error_path
    async def test_is_sent_with_errors(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere", headers={"X-Request-ID": "mine"})

        assert response.headers["X-Request-ID"] == "mine"


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/health", ITEMS, "/docs", "/openapi.json", "/nowhere"])
    async def test_are_sent_with_every_response(self, client: AsyncClient, path: str) -> None:
        headers = (await client.get(path)).headers

        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]

    async def test_do_not_include_hsts_outside_production(self, client: AsyncClient) -> None:
        assert "Strict-Transport-Security" not in (await client.get("/health")).headers

    async def test_include_hsts_in_production(self, settings: Settings) -> None:
        async with client_for(app_with(settings, environment="production")) as client:
            response = await client.get("/health")

        assert response.headers["Strict-Transport-Security"].startswith("max-age=")


class TestCors:
    async def test_accepts_the_preflight_of_an_allowed_origin(self, client: AsyncClient) -> None:
        response = await self.preflight(client, ORIGIN)

        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN

    async def test_allows_an_allowed_origin_to_read_errors(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere", headers={"Origin": ORIGIN})

        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN

    @pytest.mark.error_path
    async def test_returns_400_for_the_preflight_of_a_foreign_origin(
        self, client: AsyncClient
    ) -> None:
        response = await self.preflight(client, "https://evil.example")

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "BAD_REQUEST"
        assert "Access-Control-Allow-Origin" not in response.headers

    @pytest.mark.error_path
    async def test_sends_no_cors_headers_to_a_foreign_origin(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"Origin": "https://evil.example"})

        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("access-control-")]

    async def preflight(self, client: AsyncClient, origin: str) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return await client.options(ITEMS, headers=headers)


class TestHosts:
    @pytest.mark.parametrize("path", ["/health", "/ready"])
    async def test_the_probes_accept_any_host(self, client: AsyncClient, path: str) -> None:
        assert (await client.get(path, headers={"Host": "10.0.0.1"})).status_code == 200

    @pytest.mark.error_path
    @pytest.mark.parametrize("host", ["evil.example", "test.evil.example", "", "test@evil"])
    async def test_returns_400_for_a_host_that_is_not_allowed(
        self, client: AsyncClient, host: str
    ) -> None:
        assert (await client.get(ITEMS, headers={"Host": host})).status_code == 400

    @pytest.mark.parametrize("host", ["a.example", "A.EXAMPLE:8000"])
    async def test_accepts_a_subdomain_of_a_wildcard(self, settings: Settings, host: str) -> None:
        app = app_with(settings, allowed_hosts=["*.example", "a.example"])

        async with client_for(app) as client:
            assert (await client.get("/whoami", headers={"Host": host})).status_code == 200


class TestHttpsRedirect:
    async def test_redirects_to_https_and_keeps_path_and_query(self, settings: Settings) -> None:
        async with client_for(app_with(settings, https_redirect=True)) as client:
            response = await client.get(f"{ITEMS}?page=2")

        assert response.status_code == 307
        assert response.headers["Location"] == f"https://test{ITEMS}?page=2"

    async def test_does_not_redirect_the_probes(self, settings: Settings) -> None:
        async with client_for(app_with(settings, https_redirect=True)) as client:
            assert (await client.get("/health")).status_code == 200

    async def test_does_not_redirect_if_a_trusted_proxy_received_https(
        self, settings: Settings
    ) -> None:
        app = app_with(settings, https_redirect=True, trusted_proxies=["127.0.0.1"])

        async with client_for(app) as client:
            response = await client.get("/whoami", headers={"X-Forwarded-Proto": "https"})

        assert response.status_code == 200


class TestProxies:
    async def whoami(self, app: FastAPI, peer: str) -> Any:
        """Request `/whoami` from the IP address `peer`, and return the decoded JSON response."""
        transport = ASGITransport(app, client=(peer, 1234))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get("/whoami", headers=FORWARDED)).json()

    @pytest.mark.parametrize("trusted", ["10.0.0.5", "10.0.0.0/8"])
    async def test_a_trusted_proxy_sets_the_client_address_and_scheme(
        self, settings: Settings, trusted: str
    ) -> None:
        app = app_with(settings, trusted_proxies=[trusted])

        assert await self.whoami(app, "10.0.0.5") == {"host": "203.0.113.9", "scheme": "https"}

    async def test_a_trusted_proxy_is_recognized_by_its_ipv4_mapped_address(
        self, settings: Settings
    ) -> None:
        app = app_with(settings, trusted_proxies=["10.0.0.0/8"])

        assert (await self.whoami(app, "::ffff:10.0.0.5"))["host"] == "203.0.113.9"

    @pytest.mark.error_path
    @pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.5"])
    async def test_no_proxy_is_trusted_by_default(self, settings: Settings, peer: str) -> None:
        assert await self.whoami(app_with(settings), peer) == {"host": peer, "scheme": "http"}

    @pytest.mark.error_path
    async def test_the_headers_of_an_untrusted_proxy_are_ignored(self, settings: Settings) -> None:
        app = app_with(settings, trusted_proxies=["10.0.0.0/8"])

        assert (await self.whoami(app, "192.0.2.1"))["host"] == "192.0.2.1"


class TestCompression:
    async def test_compresses_a_large_response(self, settings: Settings) -> None:
        async with client_for(app_with(settings)) as client:
            request = client.build_request("GET", "/large", headers={"Accept-Encoding": "gzip"})
            response = await client.send(request, stream=True)
            raw = b"".join([chunk async for chunk in response.aiter_raw()])

        assert response.headers["Content-Encoding"] == "gzip"
        assert b"xxxx" in gzip.decompress(raw)

    async def test_does_not_compress_a_small_response(self, client: AsyncClient) -> None:
        response = await client.get("/health", headers={"Accept-Encoding": "gzip"})

        assert "Content-Encoding" not in response.headers
