"""Tests of generated revisions and of the order in which revisions are reverted."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest
from tortoise import fields
from tortoise.migrations.operations import CreateModel, Operation
from tortoise.migrations.writer import MigrationWriter

from app.config import Settings, example_settings
from app.core.database import migrations, revisions, stored
from app_dev.servers.database import scratch_database

HEADER = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint


class Migration(migrations.Migration):
"""

TABLE = """
    operations = [
        ops.CreateModel(
            name="Room",
            fields=[
                ("id", fields.IntField(primary_key=True)),
                ("beds", fields.IntField(null=True)),
            ],
            options={
                "table": "rooms",
                "app": "app",
                "constraints": [CheckConstraint(check="beds > 0", name="ck_rooms_beds")],
            },
        ),
    ]
"""

WITHOUT_CHECK = """
    operations = [ops.RemoveConstraint(model_name="Room", name="ck_rooms_beds")]
"""

ROOM = """
    operations = [ops.RunSQL("INSERT INTO rooms VALUES (1, 0)", "DELETE FROM rooms")]
"""

TYPE = """
    operations = [ops.AlterField("Room", "beds", fields.CharField(max_length=9, default="it's"))]
"""


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


class Money(fields.DecimalField[Decimal]):
    """A custom field class with the same SQL type as its base class, `DecimalField`."""


class Point(fields.CharField[str]):
    SQL_TYPE = "POINT"


def encode(value: Any) -> str:
    return str(value)


@pytest.fixture
def empty(settings: Settings) -> Iterator[Settings]:
    """Settings with the DATABASE_URL of an empty database."""
    with scratch_database(settings.database_url.get_secret_value()) as url:
        yield example_settings(database_url=url)


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The empty revisions folder of a temporary project."""
    versions = tmp_path / revisions.FOLDER
    versions.mkdir(parents=True)
    monkeypatch.setattr(migrations, "project_folder", lambda: tmp_path)
    others = [path for path in sys.path if not Path(path, "migrations").is_dir()]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *others])
    forget_modules()
    yield versions
    forget_modules()


def forget_modules() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "migrations"]:
        del sys.modules[name]


def write(versions: Path, name: str, *after: str, body: str = "    operations = []\n") -> None:
    parents = [("app", parent) for parent in after]
    (versions / f"{name}.py").write_text(f"{HEADER}    dependencies = {parents}\n{body}")


def source(field: Any) -> str:
    operation: Operation = CreateModel(
        "Probe", [("field", stored.stored_field("Probe.field", field))]
    )
    return MigrationWriter("probe", "app", [operation]).as_string()


@pytest.mark.parametrize(
    ("field", "column"),
    [
        (fields.CharEnumField(Color, default=Color.RED, description=""), "CharField("),
        (fields.IntEnumField(Level, default=Level.LOW, description=""), "SmallIntField("),
        (fields.JSONField[Any](encoder=encode, default=dict), "JSONField()"),
        (Money(max_digits=5, decimal_places=2, default=Decimal), "DecimalField("),
    ],
)
def test_a_generated_revision_imports_nothing_of_the_application(field: Any, column: str) -> None:
    written = source(field)

    assert f'("field", fields.{column}' in written.replace("'", '"')
    assert "tests" not in written
    assert "Color" not in written


@pytest.mark.error_path
def test_refuses_a_column_type_that_a_feature_defines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Point, "__module__", "app.features.maps.models")

    with pytest.raises(migrations.MigrationError, match=r"Probe\.field: Point .* to app\.core"):
        source(Point(max_length=9))


@pytest.mark.error_path
def test_a_new_table_enforces_its_check(empty: Settings, versions: Path) -> None:
    write(versions, "0001_rooms", body=TABLE)
    write(versions, "0002_room", "0001_rooms", body=ROOM)

    with pytest.raises(Exception, match="ck_rooms_beds"):
        migrations.upgrade(empty)


def test_reverting_the_removal_of_a_check_restores_it(empty: Settings, versions: Path) -> None:
    write(versions, "0001_rooms", body=TABLE)
    write(versions, "0002_without", "0001_rooms", body=WITHOUT_CHECK)
    write(versions, "0003_room", "0002_without", body=ROOM)
    migrations.upgrade(empty)
    migrations.downgrade(empty)
    migrations.downgrade(empty)
    write(versions, "0002_without", "0001_rooms")
    forget_modules()

    with pytest.raises(Exception, match="ck_rooms_beds"):
        migrations.upgrade(empty)


def test_changing_a_column_type_keeps_the_rows(empty: Settings, versions: Path) -> None:
    write(versions, "0001_rooms", body=TABLE.replace("beds > 0", "id > 0"))
    write(versions, "0002_room", "0001_rooms", body=ROOM)
    write(versions, "0003_text", "0002_room", body=TYPE)
    again = "INSERT INTO rooms SELECT id + 1, beds FROM rooms WHERE beds = '0'"
    two = 'ops.RunSQL("INSERT INTO rooms VALUES (2, \'x\')", "DELETE FROM rooms WHERE id = 2")'
    write(versions, "0004_again", "0003_text", body=f'    operations = [ops.RunSQL("{again}")]\n')
    write(versions, "0005_two", "0004_again", body=f"    operations = [{two}]\n")

    with pytest.raises(Exception, match=r"(?i)unique"):
        migrations.upgrade(empty)


def test_a_new_table_has_the_default_of_a_string_column(empty: Settings, versions: Path) -> None:
    name = 'fields.CharField(max_length=9, db_default="it\'s \\\\", unique=True)'
    body = TABLE.replace('("beds",', f'("name", {name}),\n                ("beds",')
    write(versions, "0001_rooms", body=body)
    text = "INSERT INTO rooms (id, beds, name) VALUES (1, 1, 'it''s \\\\')"
    rows = f'ops.RunSQL("{text}"), ops.RunSQL("INSERT INTO rooms (id, beds) VALUES (2, 2)")'
    write(versions, "0002_rows", "0001_rooms", body=f"    operations = [{rows}]\n")

    with pytest.raises(Exception, match=r"(?i)unique"):
        migrations.upgrade(empty)


@pytest.fixture
def branches(versions: Path) -> int:
    """Write six revisions: the first one, three on two branches, a merge, and the last one."""
    write(versions, "0001_first")
    write(versions, "0002_left", "0001_first")
    write(versions, "0002_right", "0001_first")
    write(versions, "0003_right", "0002_right")
    write(versions, "0004_merge", "0002_left", "0003_right")
    write(versions, "0005_last", "0004_merge")
    return 6


def test_branches_are_upgraded_and_downgraded_revision_by_revision(
    empty: Settings, branches: int
) -> None:
    for revision in migrations.revisions(empty):
        migrations.upgrade(empty, revision)
        migrations.downgrade(empty)
        migrations.upgrade(empty, revision)

    assert len(migrations.revisions(empty)) == branches
    for _ in range(branches):
        migrations.downgrade(empty)


def test_a_revision_after_two_branches_merges_them(empty: Settings, versions: Path) -> None:
    write(versions, "0001_first")
    write(versions, "0002_left", "0001_first")
    write(versions, "0002_right", "0001_first")

    migrations.revision(empty, "merge")

    merge = (versions / "0003_merge.py").read_text()
    assert '("app", "0002_left"), ("app", "0002_right")' in merge.replace("'", '"')


@pytest.mark.error_path
def test_names_the_revision_that_conflicts_with_another_branch(
    empty: Settings, versions: Path
) -> None:
    write(versions, "0001_rooms", body=TABLE)
    write(versions, "0002_left", "0001_rooms", body=WITHOUT_CHECK)
    write(versions, "0002_right", "0001_rooms", body=WITHOUT_CHECK)

    with pytest.raises(migrations.MigrationError, match="0002_right conflicts"):
        migrations.upgrade(empty)


@pytest.mark.error_path
def test_downgrade_fails_if_no_revision_is_applied(empty: Settings, versions: Path) -> None:
    write(versions, "0001_first")

    with pytest.raises(migrations.MigrationError, match="No revision is applied"):
        migrations.downgrade(empty)
