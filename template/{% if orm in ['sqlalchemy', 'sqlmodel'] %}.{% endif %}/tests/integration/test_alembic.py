"""Tests that show the limitations of Alembic that `autogenerate.py` works around.

If a test in this file fails because a new Alembic version has removed a limitation, check whether
the workaround in `app/core/database/autogenerate.py` is still needed. The tests of
`autogenerate.py` are in `test_revisions.py`.
"""

from itertools import pairwise
from typing import Any

import pytest
from alembic.autogenerate import render_python_code
from alembic.operations.ops import CreateTableOp, UpgradeOps
from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Integer,
    MetaData,
    Table,
)
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import TypeDecorator

from tests.support.plain_alembic import compare, numbers


class Document(TypeDecorator[dict[str, Any]]):
    """A custom column type."""

    impl = JSON
    cache_ok = True


@pytest.mark.error_path
async def test_alembic_ignores_a_changed_check(engine: AsyncEngine) -> None:
    stored = numbers(CheckConstraint("id > 0", name="positive"))
    wanted = numbers(CheckConstraint("id > 1", name="positive"))

    assert await compare(engine, stored, wanted) == []


@pytest.mark.error_path
async def test_alembic_only_warns_about_a_changed_computed_column(engine: AsyncEngine) -> None:
    stored = numbers(Column("total", Integer, Computed("id * 2", persisted=True)))
    wanted = numbers(Column("total", Integer, Computed("id * 3", persisted=True)))

    with pytest.warns(UserWarning, match="cannot be modified"):
        assert await compare(engine, stored, wanted) == []


@pytest.mark.error_path
async def test_alembic_drops_tables_in_arbitrary_order(engine: AsyncEngine) -> None:
    """Only one of the 3,628,800 possible orders of the ten tables respects all foreign keys."""
    stored = MetaData()
    names = [f"linked_{number}" for number in range(10)]
    Table(names[0], stored, Column("id", Integer, primary_key=True))
    for before, name in pairwise(names):
        Table(name, stored, Column("id", ForeignKey(f"{before}.id"), primary_key=True))

    changes = await compare(engine, stored, MetaData())

    dropped = [table.name for kind, table in changes if kind == "remove_table"]
    assert sorted(dropped) == names
    assert dropped != names[::-1]


@pytest.mark.error_path
def test_alembic_omits_the_check_of_a_column_from_a_revision() -> None:
    check = CheckConstraint("size > 0", name="positive")

    assert "positive" not in create_table(numbers(Column("size", Integer, check)))


@pytest.mark.error_path
def test_alembic_writes_a_custom_type_into_a_revision_without_an_import() -> None:
    code = create_table(numbers(Column("document", Document)))

    assert f"{__name__}.Document()" in code
    assert "import" not in code


def create_table(models: MetaData) -> str:
    """Return the code that Alembic generates for a revision that creates the table `numbers`."""
    create = CreateTableOp.from_table(models.tables["numbers"])
    return render_python_code(UpgradeOps([create]))
