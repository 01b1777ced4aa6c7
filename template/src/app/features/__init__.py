"""Features are found, not listed: a folder here with a `router` module is mounted.

Adding one therefore edits no shared file. A feature that cannot be imported stops the start.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # The command line needs no FastAPI, and the service needs no Typer.
    from fastapi import APIRouter
    from typer import Typer

    from app.resources import Resources


def routers() -> Iterator["APIRouter"]:
    """Every feature's `router`, in the order of their names."""
    for _, module in modules("router"):
        yield module.router


def import_models() -> list[ModuleType]:
    """Make every feature's models known to the ORM: the modules that hold them."""
    return [module for _, module in modules("models")]


def commands() -> Iterator[tuple[str, "Typer"]]:
    """The name and the commands of every feature that has some, in its `cli` module."""
    for feature, module in modules("cli"):
        yield feature, module.cli


def lifespans() -> Iterator[Callable[["Resources"], AbstractAsyncContextManager[None]]]:
    """What every feature starts and stops with the application, in its `lifespan` module."""
    for _, module in modules("lifespan"):
        yield module.lifespan


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Every feature that has a module of this name, and the module."""
    for feature in sorted(module.name for module in iter_modules(__path__) if module.ispkg):
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield feature, import_module(module)
