"""Alembic's environment, which uses the application's engine, models and settings."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from app.config import Settings, get_settings
from app.core.database import autogenerate
from app.core.database.engine import create_engine
from app.core.database.models import metadata
from app.features import import_models


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=autogenerate.stored_models(metadata, connection.dialect),
        process_revision_directives=autogenerate.order_operations,
        render_item=autogenerate.render_item,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=True,
        **autogenerate.OPTIONS,
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
    raise SystemExit(
        "--sql is not supported, because revisions may read data. Run the command without it."
    )
import_models()
asyncio.run(main(context.config.attributes.get("settings") or get_settings()))
