"""The application factory: the one place where the parts are put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TypedDict

from fastapi import APIRouter, FastAPI

from app import DISTRIBUTION, features
from app.config import Settings, get_settings
from app.core import health
from app.core.database import Database
from app.core.docs import add_docs
from app.core.errors import add_error_handlers
from app.core.logging import configure_logging, get_logger
from app.middleware import build_middleware
from app.shared.responses import error_responses

logger = get_logger(__name__)


class State(TypedDict):
    """What lives as long as the application; a request finds it in `request.state`."""

    database: Database


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; nothing connects before its lifespan starts."""
    settings = settings or get_settings()
    configure_logging(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        logger.info("starting", environment=settings.environment)
        async with Database.connect(settings) as database:
            yield {"database": database}
        logger.info("stopped")

    app = FastAPI(
        title=settings.app_name,
        version=version(DISTRIBUTION),
        lifespan=lifespan,
        middleware=build_middleware(settings),
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    add_error_handlers(app)
    app.include_router(health.router)
    api = APIRouter(prefix="/api/v1", responses=error_responses(400, 422, 500, 503))
    for router in features.routers():
        api.include_router(router)
    app.include_router(api)
    if settings.docs_enabled:
        add_docs(app)
    return app
