"""Test the examples in a project's `docs/versions.md`, and the import rules for API versions."""

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import options
from tests.support.options import Answers
from tests.support.projects import Project

ITEMS = "src/app/features/items"
ROUTES = """\
POST /api/v2/items
GET /api/v2/items/{item_id}
DELETE /api/v2/items/{item_id}
"""
TEST = """
from httpx2 import AsyncClient

JSON = {"title": "Report", "description": None}


async def test_both_versions_serve_the_same_items(client: AsyncClient) -> None:
    created = await client.post("/api/v2/items", json={"name": "Report"})
    location = created.headers["Location"]
    first = await client.get(location.replace("v2", "v1"))
    second = await client.get(location)

    assert location == f"/api/v2/items/{created.json()['id']}"
    assert first.json().items() >= JSON.items()
    assert second.json() == created.json()
    assert second.json()["name"] == "Report"
    announced = {name for name in ("Deprecation", "Sunset", "Link") if name in first.headers}
    assert announced == {"Deprecation", "Sunset", "Link"}
    assert "Deprecation" not in second.headers
    assert (await client.delete(location)).status_code == 204
    assert (await client.get(location)).status_code == 404
"""

IMPORTS = """
from datetime import date

from fastapi import APIRouter

from app.shared.deprecation import deprecated
"""

FORBIDDEN_IMPORTS = [
    ("v2/router.py", "from app.features.items.repository import ItemRepository"),
    ("v2/router.py", "from app.core.database import UnitOfWork"),
    ("service.py", "from app.features.items.v2.router import create_item_v2"),
    ("repository.py", "from app.features.items.v2.router import create_item_v2"),
]
"""Modules in the folder of the feature `items`, each with an import that it must not contain."""


def examples(page: Path) -> list[str]:
    """Return the Python examples in a Markdown file, without their indentation."""
    blocks = re.findall(
        r"^( *)```python\n(.*?)^\1```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [textwrap.dedent(code) for _, code in blocks]


def follow(project: Project) -> None:
    """Follow `docs/versions.md`: add version 2 of the items API, and deprecate a v1 route."""
    schemas, router, route, _ = examples(project.root / "docs/versions.md")
    version = project.root / ITEMS / "v2"
    version.mkdir()
    (version / "__init__.py").touch()
    for code in (schemas, router):
        path = code.partition("\n")[0].removeprefix("# ")
        (project.root / path).write_text(code, encoding="utf-8")
    routes = project.root / "tests/contract/routes.txt"
    routes.write_text(routes.read_text("utf-8") + ROUTES, encoding="utf-8")

    first = project.root / ITEMS / "router.py"
    text = first.read_text(encoding="utf-8")
    decorator = '@router.get("/{item_id}", response_model=ItemResponse, '
    decorator += "responses=error_responses(404))\n"
    imported = "from app.shared.pagination"
    assert text.count(decorator) == text.count(imported) == 1
    text = text.replace(decorator, route)
    text = text.replace(imported, f"from app.shared.deprecation import deprecated\n{imported}")
    first.write_text(f"from datetime import date\n{text}", encoding="utf-8")
    test = project.root / "tests/e2e/test_items_v2.py"
    test.write_text(TEST.lstrip(), encoding="utf-8")


@pytest.mark.parametrize(
    "answers",
    [
        {"database": "sqlite"},
        pytest.param({"auth": "none", "orm": "tortoise"}, marks=pytest.mark.core),
    ],
    ids=options.name,
)
def test_the_examples_in_the_page_on_versions_work(
    answers: Answers, install: Callable[..., Project]
) -> None:
    project = install(**answers)
    follow(project)

    for check in ("ruff check", "ruff format --check", "mypy", "lint-imports --no-cache"):
        project.run(*check.split())
    assert " passed" in project.run("pytest", "tests/e2e/test_items_v2.py", "tests/contract")
    paths = json.loads(project.run("app", "openapi"))["paths"]
    assert paths["/api/v1/items/{item_id}"]["get"]["deprecated"]
    *_, whole_router = examples(project.root / "docs/versions.md")
    check = f"{IMPORTS}\n{whole_router}\nassert router.deprecated"
    project.run("python", "-c", check)


def test_the_import_rules_apply_to_later_versions(install: Callable[..., Project]) -> None:
    project = install(database="sqlite", auth="none")
    follow(project)

    for module, line in FORBIDDEN_IMPORTS:
        file = project.root / ITEMS / module
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{line}\n{text}", encoding="utf-8")
        with pytest.raises(AssertionError, match=" broken"):
            project.run("lint-imports", "--no-cache")
        file.write_text(text, encoding="utf-8")
