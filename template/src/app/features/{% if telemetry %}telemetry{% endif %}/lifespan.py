"""Configures tracing and starts the measurements when the application starts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.telemetry.tracing import configure_tracing
from app.features.telemetry import measurements
from app.resources import Resources


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    configure_tracing(resources.settings)
    async with measurements.running(resources):
        yield
