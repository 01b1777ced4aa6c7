"""Features are found, not listed: a folder here with a `router` module is mounted.

Its `models`, `cli` and `lifespan` modules are found in the same way. Adding a feature therefore edits no shared file. A feature that cannot be imported stops the start.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # The command line needs no FastAPI, and the service needs no Typer.
    from fastapi import APIRouter
    from typer import Typer

    from app.resources import Resources


def routers() -> Iterator[APIRouter]:
    """Every feature's `router`, in the order of their names."""
    for _, module in modules("router"):
        yield module.router


def import_models() -> list[ModuleType]:
    """Make every feature's models known to the ORM: the modules that hold them."""
    return [module for _, module in modules("models")]


def commands() -> Iterator[tuple[str, Typer]]:
    """The name and the commands of every feature that has some, in its `cli` module."""
    for feature, module in modules("cli"):
        yield feature, module.cli


@asynccontextmanager
async def started(resources: Resources) -> AsyncGenerator[None]:
    """The resources open, and with them what a feature starts and stops in its `lifespan` module."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(resources.opened())
        for _, module in modules("lifespan"):
            await stack.enter_async_context(module.lifespan(resources))
        yield


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Every feature that has a module of this name, and the module."""
    for feature in sorted(module.name for module in iter_modules(__path__) if module.ispkg):
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield feature, import_module(module)
