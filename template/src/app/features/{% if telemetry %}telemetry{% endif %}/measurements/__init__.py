"""Measurements of the running application. Each module in this folder is one measurement.

Each module defines one of two functions. `start(resources)` is called when the application starts.
If `start` returns a coroutine, the coroutine runs until the application stops. `update(resources)`
is called before the metrics are rendered.
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
    """Start all measurements, and stop them at the end of the context."""
    coroutines = [module.start(resources) for module in _modules() if hasattr(module, "start")]
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines if coroutine]
    yield
    for task in tasks:
        task.cancel()


async def update(resources: Resources) -> None:
    """Update the metrics that are measured only when they are read."""
    for module in _modules():
        if hasattr(module, "update"):
            await module.update(resources)
