"""The application factory, which combines the middleware, the features and the settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import metadata

from fastapi import FastAPI

from app import DISTRIBUTION, features
from app.config import Settings, get_settings
from app.core.docs import add_docs
from app.core.errors import add_error_handlers
from app.core.logging import configure_logging, get_logger
from app.health import router as health
from app.middleware import build_middleware
from app.resources import Resources
from app.shared.responses import error_responses

logger = get_logger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application, which opens no connection before its lifespan starts."""
    settings = settings or get_settings()
    configure_logging(settings)
    resources = Resources(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        logger.info("starting", environment=settings.environment)
        for warning, advice in settings.warnings():
            logger.warning(warning, advice=advice)
        async with features.lifespan(resources):
            yield
        logger.info("stopped")

    about = metadata(DISTRIBUTION)
    app = FastAPI(
        title=settings.app_name,
        description=about["Summary"],
        version=about["Version"],
        lifespan=lifespan,
        middleware=build_middleware(settings),
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.resources = resources
    add_error_handlers(app)
    app.include_router(health)
    for version, module in features.routers():
        app.include_router(
            module.router,
            prefix=f"/api/{version}",
            responses=error_responses(400, 422, 429, 500, 503),
        )
    if settings.docs_enabled:
        add_docs(app)
    return app
