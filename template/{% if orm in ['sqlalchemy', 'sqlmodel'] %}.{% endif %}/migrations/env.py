"""Alembic's environment: the application's own engine, models and settings."""

import asyncio
from typing import Any, Literal

import sqlalchemy
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
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


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
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
