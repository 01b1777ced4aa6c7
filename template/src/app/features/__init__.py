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

if TYPE_CHECKING:  # `app --help` must not import FastAPI, and the service must not import Typer.
    from fastapi import APIRouter
    from typer import Typer

    from app.resources import Resources


def routers() -> Iterator[APIRouter]:
    """Yield the router of every feature, sorted by the name of the feature."""
    for _, module in modules("router"):
        yield module.router


def import_models() -> list[ModuleType]:
    """Import and return the `models` modules of all features, so that the ORM finds all models."""
    return [module for _, module in modules("models")]


def commands() -> Iterator[tuple[str, Typer]]:
    """Yield the name and the commands of every feature that has a `cli` module."""
    for feature, module in modules("cli"):
        yield feature, module.cli


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    """Open the resources, then enter the `lifespan` context of each feature that defines one."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(resources.open())
        for _, module in modules("lifespan"):
            await stack.enter_async_context(module.lifespan(resources))
        yield


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Yield the feature's name and the module for every feature with a module called `name`."""
    for feature in sorted(module.name for module in iter_modules(__path__) if module.ispkg):
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield feature, import_module(module)
