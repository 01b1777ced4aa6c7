"""The `app db` commands for migrations, implemented with Piccolo."""

import asyncio
import io
import os
import re
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, redirect_stdout
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from piccolo.apps.migrations.auto import AlterStatements, SchemaDiffer
from piccolo.apps.migrations.auto.migration_manager import (
    AddConstraintCollection,
    DropConstraintCollection,
    MigrationManager,
)
from piccolo.apps.migrations.auto.schema_snapshot import SchemaSnapshot
from piccolo.apps.migrations.commands.base import BaseMigrationManager
from piccolo.apps.migrations.commands.new import render_template
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import AppConfig, Finder
from piccolo.table import sort_table_classes

from app.config import Settings
from app.core.database import Session
from app.core.database.engine import Connection, Connections
from app.core.database.revisions import MigrationError, format_revision
from app.core.database.stored import refuse_changed_constraints, stored_table
from app.core.logging import get_logger

__all__ = ["MigrationError", "difference", "downgrade", "revision", "revisions", "upgrade"]

logger = get_logger(__name__)

APP = "app"
FORWARDS = "async def forwards():"
DROP = re.compile(r"manager\.drop_table\(.*tablename='(\w+)'", re.DOTALL)


def upgrade(settings: Settings, revision: str = "head") -> None:
    with _quiet():
        asyncio.run(_upgrade(settings, revision))


def downgrade(settings: Settings) -> None:
    """Revert the newest applied revision."""
    with _quiet():
        asyncio.run(_downgrade(settings))


def revision(_settings: Settings, message: str) -> None:
    """Generate a revision from the difference between the existing revisions and the models."""
    asks = sys.stdin.isatty()  # In a terminal, Piccolo asks whether a table or column was renamed.
    with nullcontext() if asks else _quiet():
        alterations = asyncio.run(_alterations(None if asks else "n"))
        tables = asyncio.run(_tables())
    now = datetime.now(UTC)
    slug = re.sub("[^a-z0-9]+", "_", message.lower()).strip("_")
    path = Path(_app().resolved_migrations_folder_path, f"{now:%Y%m%d_%H%M%S}_{slug}.py")
    source = _source(f"{now:%Y-%m-%dT%H:%M:%S:%f}", message, alterations, tables)
    path.write_text(source, encoding="utf-8")
    format_revision(path)


def revisions(_settings: Settings) -> list[str]:
    """Return the names of all revisions, oldest first."""
    return list(asyncio.run(_managers()))


def difference(_settings: Settings) -> str | None:
    """Return a description of how the models differ from the revisions, or None if they match."""
    with _quiet():
        alterations = asyncio.run(_alterations("n"))
    statements = chain.from_iterable(alteration.statements for alteration in alterations)
    return "\n".join(f"  {statement}" for statement in statements) or None


async def _upgrade(settings: Settings, revision: str) -> None:
    managers = await _managers()
    if revision not in {"head", *managers}:
        raise MigrationError(f"The revision {revision} does not exist.")
    async with _connected(settings) as connection:
        applied = await _applied(connection)
        for name, manager in managers.items():
            if name not in applied:
                async with _session(connection, manager) as session:
                    await session.run(_run_forwards(manager))
                logger.info("upgraded", revision=name)
            if name == revision:
                break


async def _downgrade(settings: Settings) -> None:
    managers = await _managers()
    async with _connected(settings) as connection:
        applied = await _applied(connection)
        if not applied:
            raise MigrationError("No revision is applied, so none can be reverted.")
        last = max(applied)
        if last not in managers:
            raise MigrationError(f"The file of the applied revision {last} is missing. Restore it.")
        async with _session(connection, managers[last]) as session:
            await session.run(_run_backwards(managers[last]))
        logger.info("downgraded", revision=last)


async def _run_forwards(manager: MigrationManager) -> None:
    """Apply a revision. Drop constraints before their columns, which Piccolo would drop first."""
    if not manager.fake:
        await manager._run_drop_constraints()  # noqa: SLF001
        manager.drop_constraints = DropConstraintCollection()
        await manager.run()
    await Migration.insert().add(Migration(name=manager.migration_id, app_name=APP)).run()


async def _run_backwards(manager: MigrationManager) -> None:
    """Revert a revision. The tables that the revision dropped are restored first.

    Piccolo would restore foreign key columns before the dropped tables to which they refer.
    """
    await manager._run_add_constraints(backwards=True)  # noqa: SLF001
    manager.add_constraints = AddConstraintCollection()
    tables = MigrationManager(manager.migration_id, manager.app_name)
    tables.drop_tables, manager.drop_tables = manager.drop_tables[::-1], []
    for part in (tables, manager):
        await part.run(backwards=True)
    await Migration.delete().where(Migration.name == manager.migration_id).run()


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncGenerator[Connection]:
    async with (
        Connections.open(settings, migrating=True) as connections,
        connections.take() as connection,
    ):
        yield connection


@asynccontextmanager
async def _session(connection: Connection, manager: MigrationManager) -> AsyncGenerator[Session]:
    """Yield a session for one revision, in a transaction unless the revision disables it."""
    async with connection.transaction() if manager.wrap_in_transaction else nullcontext():
        yield Session(connection)


async def _applied(connection: Connection) -> list[str]:
    session = Session(connection)
    await session.run(BaseMigrationManager().create_migration_table())
    return await session.run(Migration.get_migrations_which_ran(APP))


async def _managers() -> dict[str, MigrationManager]:
    """Return Piccolo's migration managers by name of the revision, oldest first."""
    managers = await BaseMigrationManager().get_migration_managers(_app())
    return {manager.migration_id: manager for manager in managers}


async def _alterations(answer: str | None) -> list[AlterStatements]:
    snapshot = SchemaSnapshot(list((await _managers()).values())).get_snapshot()
    schema = [stored_table(table) for table in _app().table_classes]
    refuse_changed_constraints(snapshot, schema)
    differ = SchemaDiffer(schema=schema, schema_snapshot=snapshot, auto_input=answer)
    return differ.get_alter_statements()


async def _tables() -> list[str]:
    """Return the names of all tables in the revisions, each before the tables that refer to it."""
    snapshot = SchemaSnapshot(list((await _managers()).values())).get_snapshot()
    names = {table.to_table_class(): table.tablename for table in snapshot}
    return [names[table] for table in sort_table_classes(list(names))]


def _source(name: str, message: str, alterations: list[AlterStatements], tables: list[str]) -> str:
    imports = {repr(line) for alteration in alterations for line in alteration.extra_imports}
    definitions = {
        repr(line) for alteration in alterations for line in alteration.extra_definitions
    }
    statements = [line for alteration in alterations for line in alteration.statements]

    def drop_position(statement: str) -> int:
        """Return a sort key: DROP TABLE comes last, and referencing tables are dropped first."""
        dropped = DROP.match(statement)
        return -tables.index(dropped[1]) if dropped else -len(tables)

    statements.sort(key=drop_position)
    source: str = render_template(  # type: ignore[no-untyped-call]
        migration_id=name,
        auto=True,
        alter_statements=statements,
        extra_imports=sorted(imports),
        extra_definitions=sorted(definitions),
        app_name=APP,
        description=" ".join(message.split()).replace("\\", "\\\\").replace("'", "\\'"),
    )
    if not statements:  # Ruff would report RET504 in a revision without operations.
        source = source.replace("return manager", "return manager  # noqa: RET504")
    return source.replace(FORWARDS, FORWARDS.replace("()", "() -> MigrationManager"))


def _app() -> AppConfig:
    os.environ.setdefault("PICCOLO_CONF", "app.piccolo_conf")
    return Finder().get_app_config(APP)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Piccolo's console output, because the commands already log each revision."""
    with redirect_stdout(io.StringIO()):
        yield
