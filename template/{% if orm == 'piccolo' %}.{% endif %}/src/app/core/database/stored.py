"""Models as the database has them, without what only the application knows of them."""

import inspect
from enum import Enum
from typing import Any

from piccolo.apps.migrations.auto import DiffableTable
from piccolo.columns import Column
from piccolo.table import Table

from app.core.database.revisions import MigrationError, is_of_the_application


def stored_table(table: type[Table]) -> DiffableTable:
    """What Piccolo compares with the revisions.

    A revision that named a default or a class of the application would fail as soon as that is
    renamed or removed.
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
    """Piccolo knows a constraint by its name alone, and would take a changed one for the same."""
    before, after = _constraints(built), _constraints(wanted)
    for (table, name), definition in after.items():
        if before.get((table, name), definition) != definition:
            raise MigrationError(
                f"The constraint {name} of {table} has changed. Give it another name, so that a"
                " revision drops the one and adds the other."
            )


def _constraints(tables: list[DiffableTable]) -> dict[tuple[str, str], str]:
    return {
        (table.tablename, constraint._meta.name): constraint.ddl  # noqa: SLF001
        for table in tables
        for constraint in table.constraints
    }


def _quote(default: Any) -> Any:
    """With apostrophes doubled, as Piccolo writes a text as it is into SQL."""
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
    if inspect.isroutine(default) and is_of_the_application(default):
        meta.params["default"] = None  # The database never computes it.
    elif default is not None:  # Some columns have no such parameter.
        meta.params["default"] = _quote(default)
    # A class that changes only what Python sees is left out; one with a column type is kept.
    kind = type(column)
    stored.__class__ = next(each for each in kind.__mro__ if each.__module__.startswith("piccolo."))
    if stored.column_type != column.column_type:
        stored.__class__ = kind
        if kind.__module__.startswith("app.features."):
            raise MigrationError(
                f"{meta.name}: {kind.__name__} has a column type of its own, so revisions import it."
                " Define it in app.core: a feature may be removed, a revision may not."
            )
    return stored
