import re

import pytest
from httpx2 import AsyncClient

from app.config import Settings
from app.main import create_app
from tests.conftest import client_of


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


@pytest.mark.sad
@pytest.mark.parametrize("path", ["/docs", "/docs/init.js", "/openapi.json", "/redoc"])
async def test_are_not_there_in_production(settings: Settings, path: str) -> None:
    app = create_app(
        settings.model_copy(update={"environment": "production", "docs_enabled": False})
    )

    async with client_of(app) as client:
        assert (await client.get(path)).status_code == 404
