"""Measurements of the running application. Each module in this folder implements one measurement.

A module defines `start(resources)` or `update(resources)`. The application calls `start` when it
starts. If `start` returns a coroutine, the coroutine runs until the application stops. The
application calls `update` for each request to `/metrics`, before it writes the response.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from app.resources import Resources


def _modules() -> list[ModuleType]:
    return [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]


@asynccontextmanager
async def running(resources: Resources) -> AsyncGenerator[None]:
    """Start all measurements when the context is entered, and stop them when it is left."""
    coroutines = [module.start(resources) for module in _modules() if hasattr(module, "start")]
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines if coroutine]
    yield
    for task in tasks:
        task.cancel()


async def update(resources: Resources) -> None:
    """Update the metrics that are measured only when `/metrics` is requested."""
    for module in _modules():
        if hasattr(module, "update"):
            await module.update(resources)
