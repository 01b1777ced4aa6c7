"""Discovery of features. Each package in this folder is a feature that the application imports.

The application finds the `router`, `models`, `cli` and `lifespan` modules of a feature by name, so
a new feature requires no change in other files. If a feature cannot be imported, the application
does not start.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `app --help` must not import FastAPI.
    from app.resources import Resources


def import_models() -> list[ModuleType]:
    """Import and return the `models` modules of all features, so that the ORM finds all models."""
    return [module for _, module in modules("models")]


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    """Open the resources, then enter the `lifespan` context of each feature that defines one."""
    async with AsyncExitStack() as stack:
        await resources.open(stack)
        for _, module in modules("lifespan"):
            await stack.enter_async_context(module.lifespan(resources))
        yield


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """For each feature that has a module called `name`, yield the feature's name and the module."""
    for feature in sorted(module.name for module in iter_modules(__path__) if module.ispkg):
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield feature, import_module(module)
