"""Tests that the application discovers the versions of a feature's API."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import features
from app.config import Settings
from app.main import create_app
from tests.support.apps import client_for

SERVICE = """
notes = ["first"]
"""

ROUTER = """
from fastapi import APIRouter

from app.features.notes.service import notes

router = APIRouter(prefix="/notes")


@router.get("")
async def list_notes() -> list[str]:
    return notes


@router.post("")
async def create_note(text: str) -> None:
    notes.append(text)
"""

LATER_ROUTER = """
from fastapi import APIRouter

from app.features.notes.service import notes

router = APIRouter(prefix="/notes")


@router.get("")
async def list_notes_{version}() -> dict[str, list[str]]:
    return {{"notes": notes}}
"""


def write_package(folder: Path, **modules: str) -> None:
    folder.mkdir()
    for name, source in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def add_version(feature: Path, version: str) -> None:
    write_package(feature / version, router=LATER_ROUTER.format(version=version))


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a feature named `notes`, which the application discovers during the test."""
    write_package(tmp_path / "notes", service=SERVICE, router=ROUTER)
    monkeypatch.setattr(features, "__path__", [*features.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield tmp_path / "notes"
    vars(features).pop("notes")
    for name in [name for name in sys.modules if name.startswith("app.features.notes")]:
        del sys.modules[name]


@pytest.mark.error_path
def test_a_version_without_a_router_raises_an_error(notes: Path, settings: Settings) -> None:
    write_package(notes / "v2", schemas="")

    with pytest.raises(ModuleNotFoundError, match=r"notes\.v2\.router"):
        create_app(settings)


@pytest.mark.error_path
def test_a_version_that_is_not_a_package_raises_an_error(notes: Path, settings: Settings) -> None:
    (notes / "v2.py").write_text(ROUTER, encoding="utf-8")

    with pytest.raises(ModuleNotFoundError, match=r"notes\.v2' is not a package"):
        create_app(settings)


@pytest.mark.error_path
async def test_a_version_serves_only_the_routes_of_its_package(
    notes: Path, settings: Settings
) -> None:
    add_version(notes, "v3")

    async with client_for(create_app(settings)) as client:
        assert (await client.get("/api/v3/notes")).status_code == 200
        assert (await client.post("/api/v3/notes?text=new")).status_code == 405
        assert (await client.get("/api/v2/notes")).status_code == 404


async def test_all_versions_of_a_feature_use_the_same_service(
    notes: Path, settings: Settings
) -> None:
    add_version(notes, "v2")
    add_version(notes, "v10")

    async with client_for(create_app(settings)) as client:
        await client.post("/api/v1/notes?text=second")

        assert (await client.get("/api/v1/notes")).json() == ["first", "second"]
        for version in ("v2", "v10"):
            response = await client.get(f"/api/{version}/notes")
            assert response.json() == {"notes": ["first", "second"]}


async def test_openapi_contains_all_versions(notes: Path, settings: Settings) -> None:
    add_version(notes, "v2")

    paths = create_app(settings).openapi()["paths"]

    first, second = paths["/api/v1/notes"], paths["/api/v2/notes"]
    assert (first.keys(), second.keys()) == ({"get", "post"}, {"get"})
    assert first["get"]["operationId"] != second["get"]["operationId"]
    assert second["get"]["responses"].keys() >= {"429", "500", "503"}
