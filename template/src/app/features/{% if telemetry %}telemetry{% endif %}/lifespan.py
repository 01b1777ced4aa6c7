"""Configures tracing and starts collecting metrics when the application starts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.logging import get_logger
from app.core.telemetry.tracing import configure_tracing, export_last_spans
from app.features.telemetry import measurements
from app.resources import Resources

logger = get_logger(__name__)

METRICS_ADVICE = (
    "Anyone who can reach the service can read /metrics. Set METRICS_TOKEN, or make sure that the"
    " proxy does not forward requests to /metrics."
)


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    settings = resources.settings
    if settings.environment == "production" and settings.metrics_token is None:
        logger.warning("metrics_token_unset", advice=METRICS_ADVICE)
    provider = configure_tracing(settings)
    async with measurements.running(resources):
        yield
    export_last_spans(provider)
