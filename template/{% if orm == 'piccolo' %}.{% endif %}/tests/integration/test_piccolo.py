"""Tests of defects and limitations of Piccolo that `app.core.database` works around.

If a test in this file fails because Piccolo has fixed a defect, check whether the workaround in
`engine.py`, `migrations.py`, `queries.py` or `stored.py` is still needed.
"""

from datetime import date
from typing import Any
from unittest.mock import AsyncMock

import pytest
from piccolo.apps.migrations.auto import DiffableTable, SchemaDiffer
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.commands.new import render_template
from piccolo.columns import Array, Column, Date, ForeignKey, Integer, Varchar
from piccolo.constraints import Check, Constraint
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table, create_table_class

from app.features.items.models import Item


class Title(Varchar):
    """A custom column class."""


def first_day() -> date:
    return date(2026, 1, 1)


def model(name: str = "Probe", **members: Any) -> type[Table]:
    return create_table_class(name, class_kwargs={"tablename": name}, class_members=members)


def diffable(name: str, columns: list[Column], constraints: list[Constraint]) -> DiffableTable:
    return DiffableTable(name, tablename=name, columns=columns, constraints=constraints)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MigrationManager:
    """A migration manager that prints statements instead of executing them."""
    monkeypatch.setenv("PICCOLO_CONF", "app.piccolo_conf")
    return MigrationManager("1", "app", preview=True, wrap_in_transaction=False)


@pytest.mark.error_path
def test_piccolo_connects_when_an_engine_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = AsyncMock(side_effect=ConnectionRefusedError)
    monkeypatch.setattr(PostgresEngine, "get_new_connection", connect)

    with pytest.warns(Warning, match="Unable to connect to database"):
        PostgresEngine(config={})

    connect.assert_awaited()


@pytest.mark.error_path
@pytest.mark.parametrize(
    "column",
    [Varchar(default="it's"), Array(base_column=Varchar(), default=["it's"])],
    ids=["text", "array"],
)
def test_piccolo_does_not_escape_an_apostrophe_in_a_default(column: Column) -> None:
    assert "it's" in model(note=column)._meta.columns[-1].ddl


@pytest.mark.error_path
def test_piccolo_ignores_a_changed_constraint_with_an_unchanged_name() -> None:
    stored, wanted = (
        diffable("probe", [], [Check(rule, name="enough")]) for rule in ("beds > 0", "beds > 1")
    )

    delta = wanted - stored

    assert delta.add_constraints + delta.drop_constraints == []


@pytest.mark.error_path
async def test_piccolo_drops_a_constraint_after_its_column(
    manager: MigrationManager, capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL drops the constraint together with the column, so DROP CONSTRAINT would fail."""
    manager.drop_column("Probe", "probe", "beds")
    manager.drop_constraint("Probe", "probe", "enough")

    await manager.run()

    assert_order(capsys, "DROP COLUMN", "DROP CONSTRAINT")


@pytest.mark.error_path
async def test_piccolo_reverts_a_new_column_before_a_new_constraint(
    manager: MigrationManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add_column("Probe", "probe", "beds", column_class=Integer)
    manager.add_constraint("Probe", "probe", "enough", Check, {"condition": "beds > 0"})

    await manager.run(backwards=True)

    assert_order(capsys, "DROP COLUMN", "DROP CONSTRAINT")


@pytest.mark.error_path
async def test_piccolo_restores_a_foreign_key_before_the_table_to_which_it_refers(
    manager: MigrationManager,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    owner = model("Owner")
    tables = {"Owner": owner, "Probe": model("Probe", owner=ForeignKey(owner))}
    snapshot = AsyncMock(side_effect=lambda *, table_class_name, **_: tables[table_class_name])
    monkeypatch.setattr(manager, "get_table_from_snapshot", snapshot)
    manager.drop_column("Probe", "probe", "owner")
    manager.drop_table("Owner", "owner")

    await manager.run(backwards=True)

    assert_order(capsys, "ADD COLUMN", "CREATE TABLE")


@pytest.mark.error_path
def test_piccolo_drops_tables_in_arbitrary_order() -> None:
    """Only one of the 3,628,800 orders of ten tables respects all foreign keys of this test."""
    stored: list[DiffableTable] = []
    for number in range(10):
        references = stored[-1].to_table_class() if stored else "self"
        link = ForeignKey(references)
        link._meta.name = "link"
        stored.append(diffable(f"Table{number}", [link], []))

    differ = SchemaDiffer(schema=[], schema_snapshot=stored, auto_input="n")
    drops = differ.drop_tables.statements
    positions = [
        next(place for place, drop in enumerate(drops) if table.tablename in drop)
        for table in stored
    ]

    assert sorted(positions) == list(range(10))
    assert positions != list(range(10))[::-1]


@pytest.mark.error_path
def test_a_revision_that_piccolo_generates_imports_the_models(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = model(day=Date(default=first_day), title=Title())
    wanted = diffable("Probe", table._meta.non_default_columns, [])
    differ = SchemaDiffer(schema=[wanted], schema_snapshot=[], auto_input="n")

    alterations = differ.get_alter_statements()

    imports = [repr(line) for alteration in alterations for line in alteration.extra_imports]
    assert f"from {__name__} import first_day" in imports
    assert f"from {__name__} import Title" in imports
    assert capsys.readouterr().out  # `migrations._quiet` hides this output.


@pytest.mark.error_path
def test_piccolo_writes_revisions_that_fail_the_checks_of_the_project() -> None:
    source = render_template(migration_id="1", description="it's", app_name="app", auto=True)  # type: ignore[no-untyped-call]

    assert "DESCRIPTION = 'it's'" in source
    assert "async def forwards():" in source


@pytest.mark.error_path
def test_piccolo_has_no_parameters_for_limit_and_offset() -> None:
    [query] = Item.select(Item.id).limit(7).offset(8).querystrings

    sql, values = query.compile_string()

    assert sql.endswith("LIMIT 7 OFFSET 8")
    assert values == []


def assert_order(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    printed = capsys.readouterr().out
    places = [printed.index(part) for part in parts]
    assert places == sorted(places), printed
