"""Alembic's environment: the application's own engine, models and settings."""

import asyncio
from functools import partial
from typing import Any, Literal

import sqlalchemy
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    CreateTableOp,
    DropTableOp,
    MigrateOperation,
    MigrationScript,
)
from sqlalchemy import Connection, MetaData
from sqlalchemy.types import TypeDecorator

from app.config import Settings, get_settings
from app.core.engine import create_engine
from app.core.models import metadata
from app.features import import_models


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write what is stored, not the type in the models: code changes, and revisions may not."""
    if kind == "type" and isinstance(item, TypeDecorator):
        stored = item.impl_instance
        if hasattr(sqlalchemy, type(stored).__name__):
            return f"sa.{stored!r}"
    return False


def drop_tables_last(
    connection: Connection, _context: object, _revision: object, scripts: list[MigrationScript]
) -> None:
    """Each once nothing refers to it any more; Alembic would drop them first, in any order."""
    there = MetaData()
    there.reflect(connection)
    order = [table.name for table in there.sorted_tables]  # before those that refer to them

    def at_the_end(change: MigrateOperation) -> int:
        return -order.index(change.table_name) if isinstance(change, DropTableOp) else -len(order)

    def at_the_start(change: MigrateOperation) -> int:
        return order.index(change.table_name) if isinstance(change, CreateTableOp) else len(order)

    for script in scripts:
        for forth in script.upgrade_ops_list:
            forth.ops.sort(key=at_the_end)
        for back in script.downgrade_ops_list:
            back.ops.sort(key=at_the_start)


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        process_revision_directives=partial(drop_tables_last, connection),
        render_item=render_item,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main(settings: Settings) -> None:
    engine = create_engine(settings, migrating=True)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("--sql is not supported: revisions may need to see the data")
import_models()
asyncio.run(main(context.config.attributes.get("settings") or get_settings()))
