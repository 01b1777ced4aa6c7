"""Tests of revisions that are generated from models."""

from datetime import date
from enum import StrEnum
from typing import Any

import pytest
from piccolo.apps.migrations.auto import DiffableTable, SchemaDiffer
from piccolo.columns import Array, Column, Date, Integer, Numeric, Varchar
from piccolo.constraints import Check
from piccolo.table import Table, create_table_class

from app.core.database import migrations, stored


class Color(StrEnum):
    RED = "red"


class Note(StrEnum):
    REMARK = "it's"


class Money(Numeric):
    """A custom column class with the same SQL type as its base class, `Numeric`."""


class Point(Varchar):
    @property
    def column_type(self) -> str:
        return "POINT"


def first_day() -> date:
    return date(2026, 1, 1)


def model(**members: Any) -> type[Table]:
    return create_table_class("Probe", class_kwargs={"tablename": "probes"}, class_members=members)


def source(table: type[Table]) -> str:
    differ = SchemaDiffer(schema=[stored.stored_table(table)], schema_snapshot=[], auto_input="n")
    alterations = differ.get_alter_statements()
    lines = [
        repr(line) if not isinstance(line, str) else line
        for alteration in alterations
        for line in [
            *alteration.statements,
            *alteration.extra_imports,
            *alteration.extra_definitions,
        ]
    ]
    return "\n".join(lines)


def test_a_generated_revision_imports_nothing_of_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for definition in (Color, Money, first_day):
        monkeypatch.setattr(definition, "__module__", "app.features.probes.models")
    table = model(
        color=Varchar(choices=Color, default=Color.RED),
        day=Date(default=first_day),
        price=Money(),
    )

    written = source(table)

    assert "app.features" not in written
    assert "Money" not in written
    assert "first_day" not in written


@pytest.mark.parametrize(
    "column",
    [
        Varchar(default="it's"),
        Varchar(choices=Note, default=Note.REMARK),
        Array(base_column=Varchar(), default=["it's"]),
    ],
    ids=["text", "enumeration", "array"],
)
def test_escapes_an_apostrophe_in_a_default(column: Column) -> None:
    assert "it''s" in source(model(note=column))


@pytest.mark.error_path
def test_refuses_a_column_type_that_a_feature_defines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Point, "__module__", "app.features.maps.models")

    with pytest.raises(migrations.MigrationError, match=r"place: Point .* to app\.core"):
        source(model(place=Point()))


@pytest.mark.error_path
def test_refuses_a_changed_constraint_with_an_unchanged_name() -> None:
    def table(rule: str) -> DiffableTable:
        return stored.stored_table(model(beds=Integer(), enough=Check(rule)))

    stored.refuse_changed_constraints([table("beds > 0")], [table("beds > 0")])
    with pytest.raises(migrations.MigrationError, match="another name"):
        stored.refuse_changed_constraints([table("beds > 0")], [table("beds > 1")])
