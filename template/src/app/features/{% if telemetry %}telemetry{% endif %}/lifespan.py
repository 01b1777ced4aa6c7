"""Configures tracing and starts collecting metrics when the application starts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.telemetry.tracing import configure_tracing, export_last_spans
from app.features.telemetry import measurements
from app.resources import Resources


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    provider = configure_tracing(resources.settings)
    async with measurements.running(resources):
        yield
    export_last_spans(provider)
