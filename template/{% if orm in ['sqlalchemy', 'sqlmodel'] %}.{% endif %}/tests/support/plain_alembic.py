"""Compares models with a database, using Alembic without the overrides in `app.core.database`."""

from typing import Any
from unittest.mock import patch

from alembic.autogenerate import compare_metadata
from alembic.ddl import impl
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncEngine

PLUGINS = ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"]


async def compare(engine: AsyncEngine, stored: MetaData, wanted: MetaData) -> list[Any]:
    """Return the changes that Alembic detects between `stored` and `wanted`.

    The tables of `stored` are created in a transaction that is rolled back.
    """
    async with engine.connect() as connection, connection.begin() as transaction:
        try:
            return await connection.run_sync(_compare, stored, wanted)
        finally:
            await transaction.rollback()


def numbers(*items: Any) -> MetaData:
    """Return a model of the table `numbers` with the given columns and constraints."""
    models = MetaData()
    Table("numbers", models, Column("id", Integer, primary_key=True), *items)
    return models


def plain_impl(dialect: str) -> type[impl.DefaultImpl]:
    """Return Alembic's own class for the dialect, instead of the subclass in `schema.py`."""
    classes = impl._impls[dialect].__mro__
    return next(each for each in classes if each.__module__.startswith("alembic."))


def _compare(connection: Connection, stored: MetaData, wanted: MetaData) -> list[Any]:
    def is_compared(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in {*stored.tables, *wanted.tables}

    options = {
        "autogenerate_plugins": PLUGINS,
        "compare_server_default": True,
        "include_name": is_compared,
    }
    stored.create_all(connection)
    dialect = connection.dialect.name
    with patch.dict(impl._impls, {dialect: plain_impl(dialect)}):
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, wanted))
