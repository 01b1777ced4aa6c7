"""Tests of the API documentation at `/docs`."""

import re

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app
from tests.support.apps import client_for


def client_behind_proxy(app: FastAPI, prefix: str) -> AsyncClient:
    """Return an HTTP client whose requests come from a simulated proxy that strips `prefix`."""
    transport = ASGITransport(app, root_path=prefix)
    return AsyncClient(transport=transport, base_url="http://test")


async def test_docs_load_every_file_from_this_host(client: AsyncClient) -> None:
    page = (await client.get("/docs")).text

    assert re.findall(r'(?:src|href)="([^"]+)"', page)
    for url in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert url.startswith("/docs/")
        assert (await client.get(url)).status_code == 200


async def test_docs_contain_no_inline_script(client: AsyncClient) -> None:
    response = await client.get("/docs")

    assert not re.findall(r"<script[^>]*>\s*[^<\s]", response.text)
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]


async def test_docs_show_the_openapi_document_of_this_service(
    client: AsyncClient, settings: Settings
) -> None:
    assert '"/openapi.json"' in (await client.get("/docs/init.js")).text
    assert (await client.get("/openapi.json")).json()["info"]["title"] == settings.app_name


async def test_docs_work_behind_a_proxy_that_strips_a_prefix(settings: Settings) -> None:
    async with client_behind_proxy(create_app(settings), "/shop") as client:
        page = (await client.get("/docs")).text
        script = (await client.get("/docs/init.js")).text
        document = (await client.get("/openapi.json")).json()

    assert {url[:11] for url in re.findall(r'(?:src|href)="([^"]+)"', page)} == {"/shop/docs/"}
    assert '"/shop/openapi.json"' in script
    assert document["servers"] == [{"url": "/shop"}]


async def test_probes_are_not_limited_behind_a_proxy_that_strips_a_prefix(
    settings: Settings,
) -> None:
    changes = {"rate_limit_enabled": True, "rate_limit_default": "1/minute"}
    app = create_app(settings.model_copy(update=changes))

    async with client_behind_proxy(app, "/shop") as client:
        for _ in range(3):
            assert (await client.get("/health", headers={"Host": "10.0.0.1"})).status_code == 200


@pytest.mark.error_path
@pytest.mark.parametrize("path", ["/docs", "/docs/init.js", "/openapi.json", "/redoc"])
async def test_docs_return_404_in_production(settings: Settings, path: str) -> None:
    app = create_app(
        settings.model_copy(update={"environment": "production", "docs_enabled": False})
    )

    async with client_for(app) as client:
        assert (await client.get(path)).status_code == 404
