import re

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app
from tests.support.apps import client_of


def below(app: FastAPI, prefix: str) -> AsyncClient:
    """A client of the application behind a proxy that strips the prefix."""
    transport = ASGITransport(app, root_path=prefix)
    return AsyncClient(transport=transport, base_url="http://test")


async def test_come_from_this_host_alone(client: AsyncClient) -> None:
    page = (await client.get("/docs")).text

    assert re.findall(r'(?:src|href)="([^"]+)"', page)
    for url in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert url.startswith("/docs/")
        assert (await client.get(url)).status_code == 200


async def test_run_no_inline_script(client: AsyncClient) -> None:
    response = await client.get("/docs")

    assert not re.findall(r"<script[^>]*>\s*[^<\s]", response.text)
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]


async def test_show_this_services_document(client: AsyncClient, settings: Settings) -> None:
    assert '"/openapi.json"' in (await client.get("/docs/init.js")).text
    assert (await client.get("/openapi.json")).json()["info"]["title"] == settings.app_name


async def test_work_below_a_prefix_that_a_proxy_strips(settings: Settings) -> None:
    async with below(create_app(settings), "/shop") as client:
        page = (await client.get("/docs")).text
        script = (await client.get("/docs/init.js")).text
        document = (await client.get("/openapi.json")).json()

    assert {url[:11] for url in re.findall(r'(?:src|href)="([^"]+)"', page)} == {"/shop/docs/"}
    assert '"/shop/openapi.json"' in script
    assert document["servers"] == [{"url": "/shop"}]


async def test_probes_are_probes_below_a_prefix(settings: Settings) -> None:
    changes = {"rate_limit_enabled": True, "rate_limit_default": "1/minute"}
    app = create_app(settings.model_copy(update=changes))

    async with below(app, "/shop") as client:
        for _ in range(3):
            assert (await client.get("/health", headers={"Host": "10.0.0.1"})).status_code == 200


@pytest.mark.error_path
@pytest.mark.parametrize("path", ["/docs", "/docs/init.js", "/openapi.json", "/redoc"])
async def test_are_not_there_in_production(settings: Settings, path: str) -> None:
    app = create_app(
        settings.model_copy(update={"environment": "production", "docs_enabled": False})
    )

    async with client_of(app) as client:
        assert (await client.get(path)).status_code == 404
