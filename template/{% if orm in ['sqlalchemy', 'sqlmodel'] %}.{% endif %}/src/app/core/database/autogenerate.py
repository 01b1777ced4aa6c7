"""Functions that Alembic calls to compare models with a database and to order operations."""

from typing import Any, Literal, cast

import sqlalchemy
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    AddColumnOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
)
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import (
    ARRAY,
    BLANK_SCHEMA,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Dialect,
    Enum,
    MetaData,
    Table,
)
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlalchemy.util import constructor_copy

from app.core.database import schema

OPTIONS: dict[str, Any] = {
    "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", "app"],
    "compare_server_default": True,
    "include_schemas": True,
}


def stored_models(models: MetaData, dialect: Dialect) -> MetaData:
    """Return copies of the models' tables, with SQLAlchemy's types instead of custom types.

    A revision that contains a custom type would import a class of the application, and would fail
    after the class is renamed or removed.
    """
    stored = MetaData(naming_convention=models.naming_convention)

    # When Alembic reads tables from the database, the name of the default schema is None.
    default = dialect.default_schema_name

    def named(schema_name: Any) -> Any:
        return BLANK_SCHEMA if schema_name == default else schema_name

    for table in models.tables.values():
        table.to_metadata(
            stored,
            schema=cast("str", None if table.schema == default else table.schema),
            referred_schema_fn=lambda _table, _schema, _constraint, referred: named(referred),
        )
    for table in stored.tables.values():
        _move_checks(table, dialect)
        for column in table.columns:
            column.type = stored_type(column.type, dialect)
    return stored


def _move_checks(table: Table, dialect: Dialect) -> None:
    """Move CHECK constraints of columns and types to the table.

    Alembic does not write the CHECK constraint of a column into a revision.
    """
    definition = str(CreateTable(table).compile(dialect=dialect)).replace('"', "")
    owners: list[Table | Column[Any]] = [table, *table.columns]
    for constraints in [owner.constraints for owner in owners]:
        for check in [*constraints]:
            if isinstance(check, CheckConstraint):
                constraints.remove(check)
                # If an enumeration has a native ENUM type, SQLAlchemy creates no CHECK constraint.
                if f"CONSTRAINT {check.name} CHECK" in definition:
                    CheckConstraint(check.sqltext, name=check.name, table=table)


def stored_type(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """Return the built-in SQLAlchemy type that a type decorator or a custom type is based on."""
    if isinstance(type_, ARRAY) and _is_public(type(type_)):
        array = type_.copy()
        array.item_type = stored_type(type_.item_type, dialect)
        return array
    if isinstance(type_, Boolean):
        return Boolean()
    if isinstance(type_, Enum):
        return schema.stored_enum(type_)
    if _is_public(type(type_)):
        # `copy` has no variants, so `same` is false if `type_` has a variant for this dialect.
        copy = constructor_copy(type_, type(type_))
        chosen = type_.dialect_impl(dialect)
        same = repr(chosen) == repr(copy.dialect_impl(dialect))
        return copy if same else stored_type(chosen, dialect)
    if isinstance(type_, TypeDecorator):
        # `TypeDecorator.dialect_impl` usually returns a decorator, not the wrapped type.
        inner = type_.dialect_impl(dialect)
        return stored_type(
            inner.impl_instance if isinstance(inner, TypeDecorator) else inner, dialect
        )
    base = next(filter(_is_public, type(type_).__mro__), None)
    return stored_type(type_.adapt(base), dialect) if base else type_


def _is_public(class_: type) -> bool:
    """Return whether a revision can import the class from a public module of SQLAlchemy."""
    return any(
        getattr(module, class_.__name__, None) is class_ for module in (sqlalchemy, schema.TYPES)
    )


def render_item(kind: str, item: object, context: AutogenContext) -> Literal[False]:
    """Add an import to the revision if a column type comes from a library other than SQLAlchemy."""
    module = type(item).__module__
    if kind == "type" and not module.startswith("sqlalchemy."):
        context.imports.add(f"import {module}")
    return False


def order_operations(context: Any, _revision: object, scripts: list[MigrationScript]) -> None:
    """Sort a revision's operations by the foreign keys between tables.

    A table is created before all tables that refer to it, and dropped after them. Alembic drops
    tables in arbitrary order, but dropping a table fails if another table still refers to the
    table.
    """
    position = {name: place for place, name in enumerate(_tables(context.connection), 1)}

    def place(change: MigrateOperation) -> tuple[int, int]:
        match change:
            case CreateTableOp():
                return 1, position.get((change.schema, change.table_name), 0)
            case DropTableOp():
                return 5, -position.get((change.schema, change.table_name), 0)
        # The operations that `schema.py` defines have their sort key in the attribute `place`.
        # All other operations have the sort key 3.
        return getattr(change, "place", 3), 0

    for script in scripts:
        for changes in (*script.upgrade_ops_list, *script.downgrade_ops_list):
            changes.ops.sort(key=place)


def _tables(connection: sqlalchemy.Connection) -> list[tuple[str | None, str]]:
    """Return all tables in the database, sorted so that a table precedes those that refer to it."""
    inspector: Inspector = sqlalchemy.inspect(connection)
    reflected = MetaData()
    for name in inspector.get_schema_names():
        if name != "information_schema":
            reflected.reflect(
                connection, schema=None if name == inspector.default_schema_name else name
            )
    return [(table.schema, table.name) for table in reflected.sorted_tables]


def _compare_computed_columns(
    context: AutogenContext, changes: ModifyTableOps, *table: Any
) -> PriorityDispatchResult:
    """Recreate each column whose computed expression has changed.

    Without this function, Alembic would log a warning, but not add the change to the revision.
    """
    schema_name, table_name, stored, wanted = table
    if stored is not None and wanted is not None and context.connection is not None:
        for column in wanted.columns:
            old = stored.columns.get(column.name)
            if old is not None and schema.is_computed_differently(context.connection, old, column):
                changes.ops += [
                    DropColumnOp.from_column_and_tablename(schema_name, table_name, old),
                    AddColumnOp.from_column_and_tablename(schema_name, table_name, column),
                ]
    return PriorityDispatchResult.CONTINUE


def _skip_computed_column(*column: Any) -> PriorityDispatchResult:
    """Skip computed columns, because `_compare_computed_columns` has already compared them."""
    *_, stored, wanted = column
    computed = Computed in {type(stored.server_default), type(wanted.server_default)}
    return PriorityDispatchResult.STOP if computed else PriorityDispatchResult.CONTINUE


PLUGIN = Plugin("app")
PLUGIN.add_autogenerate_comparator(_compare_computed_columns, "table", "computed")
PLUGIN.add_autogenerate_comparator(
    _skip_computed_column, "column", "server_default", priority=DispatchPriority.FIRST
)
schema.add_comparators(PLUGIN)
