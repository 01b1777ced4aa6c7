"""Discovers the features. Each package in this folder is a feature.

The application finds a feature's `router`, `models`, `cli` and `lifespan` modules by their names,
so a new feature requires no change in other files. If a feature cannot be imported, the application
does not start.

The packages `v2`, `v3` and so on in a feature's folder are later versions of the feature's API.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `app --help` must not import FastAPI.
    from app.resources import Resources

VERSION = re.compile(r"v\d+")


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
    """Yield the name of each feature that has a module called `name`, together with the module."""
    for feature in _features():
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield feature, import_module(module)


def routers() -> Iterator[tuple[str, ModuleType]]:
    """Yield the `router` modules of all features, each with its API version, such as `v1`.

    The `router` module in a feature's folder is version 1.
    """
    for _, module in modules("router"):
        yield "v1", module
    for feature in _features():
        package = import_module(f"{__name__}.{feature}")
        for _, version, _ in iter_modules(package.__path__):
            if VERSION.fullmatch(version):
                yield version, import_module(f"{package.__name__}.{version}.router")


def _features() -> list[str]:
    return sorted(module.name for module in iter_modules(__path__) if module.ispkg)
