"""Serves Swagger UI without a CDN or inline scripts, so it works offline and with a strict CSP."""

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi_csp_docs import get_swagger_ui_html, get_swagger_ui_init_js

DOCS_PATH = "/docs"
DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of `/docs`. It allows the `data:` URLs of Swagger UI's images."""


def add_docs(app: FastAPI) -> None:
    """Serve Swagger UI at `/docs`."""
    router = APIRouter(prefix=DOCS_PATH, include_in_schema=False)

    @router.get("")
    async def swagger_ui(request: Request) -> HTMLResponse:
        base = f"{_root_path(request)}{DOCS_PATH}"
        page = get_swagger_ui_html(
            title=app.title,
            swagger_js_url=f"{base}/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{base}/assets/swagger-ui.css",
            swagger_favicon_url=f"{base}/assets/favicon-32x32.png",
            swagger_ui_init_script_url=f"{base}/init.js",
        )
        page.headers["Content-Security-Policy"] = DOCS_CSP
        return page

    @router.get("/init.js")
    async def swagger_ui_init(request: Request) -> Response:
        return get_swagger_ui_init_js(
            openapi_url=f"{_root_path(request)}{app.openapi_url}",
            swagger_ui_parameters={"displayRequestDuration": True, "tryItOutEnabled": True},
        )

    app.include_router(router)
    assets = StaticFiles(packages=[("fastapi_swagger", "resources")])
    app.mount(f"{DOCS_PATH}/assets", assets)


def _root_path(request: Request) -> str:
    """Return the path prefix under which a proxy serves the application, or an empty string."""
    return str(request.scope.get("root_path", "")).rstrip("/")
