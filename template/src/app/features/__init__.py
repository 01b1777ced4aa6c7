"""Features are found, not listed: a folder here with a `router` module is mounted.

Adding one therefore edits no shared file. A feature that cannot be imported stops the start.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from fastapi import APIRouter


def _modules(name: str) -> Iterator[str]:
    for feature in sorted(module.name for module in iter_modules(__path__) if module.ispkg):
        module = f"{__name__}.{feature}.{name}"
        if find_spec(module):
            yield module


def routers() -> Iterator[APIRouter]:
    """Every feature's `router`, in the order of their names."""
    for module in _modules("router"):
        yield import_module(module).router


def import_models() -> None:
    """Make every feature's models known to the ORM."""
    for module in _modules("models"):
        import_module(module)
