"""Tests of defects and limitations of Tortoise that `app.core.database` works around.

If a test in this file fails because Tortoise has fixed a defect, check whether the override in
`engine.py`, `statements.py`, `stored.py` or `tables.py` is still needed.
"""

import logging
from enum import Enum

import pytest
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.migrations.operations import AddField, AlterField, CreateModel, Operation
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter

from app.core.database import Database
from app.core.database.engine import Connection
from app.features.items.models import Item
from tests.support.schema_editors import collect_sql, create_room, plain_editor


class Color(Enum):
    RED = "red"


@pytest.mark.error_path
async def test_tortoise_omits_the_constraints_of_a_new_table(database: Database) -> None:
    constraints = [
        CheckConstraint(check="id > 0", name="ck_rooms_id"),
        UniqueConstraint(fields=("id",), name="uq_rooms_id"),
    ]

    async with database.writing_session() as session:
        sql = await collect_sql(plain_editor(session), create_room(constraints=constraints))

    assert "CREATE TABLE" in sql
    assert "_rooms_id" not in sql


@pytest.mark.error_path
async def test_tortoise_escapes_an_apostrophe_with_a_backslash(database: Database) -> None:
    column = ("name", fields.CharField(max_length=9, db_default="it's"))

    async with database.writing_session() as session:
        sql = await collect_sql(plain_editor(session), create_room(column))

    assert r"it\'s" in sql


@pytest.mark.error_path
async def test_tortoise_omits_the_index_of_a_new_column(database: Database) -> None:
    column = AddField("Room", "beds", fields.IntField(db_index=True, null=True))

    async with database.writing_session() as session:
        sql = await collect_sql(plain_editor(session), create_room(), column)

    assert "ADD COLUMN" in sql
    assert "INDEX" not in sql


@pytest.mark.error_path
async def test_tortoise_cannot_change_the_type_of_a_column(database: Database) -> None:
    create = create_room(("beds", fields.IntField(null=True)))
    change = AlterField("Room", "beds", fields.CharField(max_length=9, null=True))

    async with database.writing_session() as session:
        with pytest.raises(ValueError, match="type altering is not supported"):
            await collect_sql(plain_editor(session), create, change)


@pytest.mark.error_path
def test_tortoise_drops_a_table_before_the_tables_that_refer_to_it() -> None:
    operations: list[Operation] = [
        CreateModel("A", [("id", fields.IntField(primary_key=True))], options={"app": "app"}),
        CreateModel(
            "B",
            [
                ("id", fields.IntField(primary_key=True)),
                ("a", fields.ForeignKeyField("app.A", related_name=False)),
            ],
            options={"app": "app"},
        ),
    ]
    built = empty_state()
    for operation in operations:
        operation.state_forward("app", built)

    drops = OperationGenerator(built, empty_state()).generate()

    assert [drop.describe() for drop in drops] == ["Delete model A", "Delete model B"]


@pytest.mark.error_path
def test_a_revision_that_tortoise_writes_imports_an_enumeration() -> None:
    column = ("color", fields.CharEnumField(Color, default=Color.RED))

    source = MigrationWriter("0001_rooms", "app", [create_room(column)]).as_string()

    assert f"from {__name__} import Color" in source


@pytest.mark.error_path
async def test_tortoise_logs_the_parameters_of_a_query(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("tortoise.db_client"), "filters", [])
    caplog.set_level("DEBUG", "tortoise.db_client")

    async with database.writing_session() as session:
        await Item.filter(title="secret").using_db(session.client)

    assert "secret" in caplog.text


@pytest.mark.error_path
async def test_a_transaction_in_a_tortoise_transaction_ignores_subclasses(
    database: Database,
) -> None:
    """Tortoise's `_in_transaction` does not return a `Connection`, so `Connection` overrides it."""
    async with database.writing_session() as session:
        assert isinstance(session.client, Connection)
        nested = super(Connection, session.client)._in_transaction()

    assert not isinstance(nested.client, Connection)


def empty_state() -> State:
    return State(models={}, apps=StateApps({"app": "default"}))
