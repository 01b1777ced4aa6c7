"""Converts models to the form in which revisions describe tables, so that both can be compared."""

import inspect
from enum import Enum
from typing import Any

from piccolo.apps.migrations.auto import DiffableTable
from piccolo.columns import Column
from piccolo.table import Table

from app.core.database.revisions import MigrationError, is_defined_in_app


def stored_table(table: type[Table]) -> DiffableTable:
    """Convert a table to the form that Piccolo compares with the revisions.

    Column classes of the application are replaced with classes of the ORM, and functions of the
    application are omitted, because a revision must not import code that may be removed later.
    """
    meta = table._meta  # noqa: SLF001
    return DiffableTable(
        class_name=table.__name__,
        tablename=meta.tablename,
        columns=[_stored_column(column) for column in meta.non_default_columns],
        constraints=meta.constraints,
        schema=meta.schema,
    )


def refuse_changed_constraints(built: list[DiffableTable], wanted: list[DiffableTable]) -> None:
    """Raise `MigrationError` if a constraint changed, because Piccolo compares only names."""
    before, after = _constraints(built), _constraints(wanted)
    for (table, name), definition in after.items():
        if before.get((table, name), definition) != definition:
            raise MigrationError(
                f"The constraint {name} of {table} has changed. Give it another name, so that the"
                " revision drops the old constraint and adds the new one."
            )


def _constraints(tables: list[DiffableTable]) -> dict[tuple[str, str], str]:
    return {
        (table.tablename, constraint._meta.name): constraint.ddl  # noqa: SLF001
        for table in tables
        for constraint in table.constraints
    }


def _quote(default: Any) -> Any:
    """Double the apostrophes in a default value, because Piccolo does not escape them in SQL."""
    match default:
        case Enum():
            return _quote(default.value)
        case str():
            return default.replace("'", "''")
        case list():
            return [_quote(part) for part in default]
    return default


def _stored_column(column: Column) -> Column:
    stored = column.copy()
    meta = stored._meta  # noqa: SLF001
    default = meta.params.get("default")
    if inspect.isroutine(default) and is_defined_in_app(default):
        meta.params["default"] = None  # The application sets this default, not the database.
    elif default is not None:  # Some column classes have no parameter `default`.
        meta.params["default"] = _quote(default)
    # Replace a custom column class with its base class in the ORM, unless their SQL types differ.
    kind = type(column)
    stored.__class__ = next(each for each in kind.__mro__ if each.__module__.startswith("piccolo."))
    if stored.column_type != column.column_type:
        stored.__class__ = kind
        if kind.__module__.startswith("app.features."):
            raise MigrationError(
                f"{meta.name}: {kind.__name__} defines a column type, so revisions import the class."
                " Move it to app.core, so that revisions keep working if the feature is removed."
            )
    return stored
