"""The `app db` commands for migrations, implemented with Tortoise."""

import asyncio
import importlib
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext

from tortoise.apps import Apps
from tortoise.migrations.exceptions import IncompatibleStateError
from tortoise.migrations.graph import MigrationGraph
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AlterModelOptions, Operation
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from app.config import Settings
from app.core.database.engine import Connection, Connections
from app.core.database.revisions import FOLDER, MigrationError, format_revision, project_folder
from app.core.database.schema import schema_editor
from app.core.database.session import CONFIG, Session
from app.core.database.stored import Comparison
from app.core.logging import get_logger

__all__ = ["MigrationError", "difference", "downgrade", "revision", "revisions", "upgrade"]

logger = get_logger(__name__)

APP = "app"
APPS = CONFIG["apps"]


def upgrade(settings: Settings, revision: str = "head") -> None:
    asyncio.run(_upgrade(settings, revision))


def downgrade(settings: Settings) -> None:
    """Revert the newest applied revision.

    If the revisions have branches, the newest applied revision is the one that comes last in the
    list that `revisions` returns. After a merge revision is reverted, the merged branches are
    separate again.
    """
    asyncio.run(_downgrade(settings))


def revision(settings: Settings, message: str) -> None:
    """Generate a revision from the difference between the existing revisions and the models."""
    operations = asyncio.run(_changes(settings))
    graph = asyncio.run(_graph())
    names = [key.name for key in graph.nodes]
    number = max((int(name[:4]) for name in names if name[:4].isdigit()), default=0) + 1
    name = format_migration_name(number, message)
    path = project_folder() / FOLDER / f"{name}.py"
    # The new revision depends on the newest revision of each branch, so it merges branches.
    parents = [(APP, leaf.name) for leaf in graph.leaf_nodes()]
    source = MigrationWriter(name, APP, operations, dependencies=parents).as_string()
    reason = "Tortoise requires lists as class attributes, which RUF012 would report."
    path.write_text(f"# {reason}\n# ruff: noqa: RUF012\n{source}", encoding="utf-8")
    format_revision(path)


def revisions(_settings: Settings) -> list[str]:
    """Return the names of all revisions, oldest first."""
    return list(asyncio.run(_revisions()))


def difference(settings: Settings) -> str | None:
    """Return a description of how the models differ from the revisions, or None if they match."""
    operations = asyncio.run(_changes(settings))
    return "\n".join(f"  {operation.describe()}" for operation in operations) or None


async def _upgrade(settings: Settings, revision: str) -> None:
    known = await _revisions()
    if revision not in {"head", *known}:
        raise MigrationError(f"The revision {revision} does not exist.")
    async with _connected(settings) as (connection, recorder, applied):
        state = _empty_state()
        for name, migration in known.items():
            try:
                if name in applied:
                    await migration.apply(state, dry_run=True)
                else:
                    async with _schema_editor(connection, migration) as editor:
                        await migration.apply(state, schema_editor=editor)
                        await recorder.record_applied(APP, name)
                    logger.info("upgraded", revision=name)
            except IncompatibleStateError as exc:
                # The revision uses a table, column or constraint that another revision has removed.
                raise MigrationError(
                    f"Revision {name} conflicts with an earlier revision or with another branch."
                ) from exc
            if name == revision:
                break


async def _downgrade(settings: Settings) -> None:
    known = await _revisions()
    async with _connected(settings) as (connection, recorder, applied):
        if missing := applied - known.keys():
            raise MigrationError(
                f"The file of the applied revision {max(missing)} is missing. Restore it."
            )
        if not applied:
            raise MigrationError("No revision is applied, so none can be reverted.")
        *before, last = (migration for name, migration in known.items() if name in applied)
        if not all(getattr(operation, "reversible", True) for operation in last.operations):
            raise MigrationError(
                f"Revision {last.name} cannot be reverted: it has an irreversible operation."
            )
        state = _empty_state()
        for migration in before:
            await migration.apply(state, dry_run=True)
        async with _schema_editor(connection, last) as editor:
            await last.unapply(state, schema_editor=editor)
            await recorder.record_unapplied(APP, last.name)
        logger.info("downgraded", revision=last.name)


@asynccontextmanager
async def _connected(
    settings: Settings,
) -> AsyncGenerator[tuple[Connection, MigrationRecorder, set[str]]]:
    """Yield a connection, Tortoise's migration recorder, and the names of applied revisions."""
    async with (
        Connections.open(settings, migrating=True) as connections,
        connections.take() as connection,
    ):
        with Session(connection):
            recorder = MigrationRecorder(connection)
            await recorder.ensure_schema(schema_editor(connection, atomic=False))
            applied = await recorder.applied_migrations()
            yield connection, recorder, {key.name for key in applied}


@asynccontextmanager
async def _schema_editor(
    connection: Connection, migration: Migration
) -> AsyncGenerator[BaseSchemaEditor]:
    """Yield a schema editor for one revision, in a transaction if the revision is atomic."""
    async with connection.in_transaction() if migration.atomic else nullcontext():
        yield schema_editor(connection, atomic=migration.atomic)


async def _graph() -> MigrationGraph:
    _find_files()
    loader = MigrationLoader(APPS, MigrationRecorder(None))
    await loader.build_graph()
    return loader.graph


async def _revisions() -> dict[str, Migration]:
    """Return a dictionary that maps the names of all revisions to the revisions, oldest first."""
    graph = await _graph()
    keys = [key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf)]
    return {key.name: migration for key in keys if (migration := graph.nodes[key])}


async def _changes(settings: Settings) -> list[Operation]:
    """Return the operations that a new revision needs to make the schema match the models."""
    _find_files()
    async with Connections.open(settings) as connections:
        with (session := Session(connections)):
            apps = Apps(APPS, session.connections)
            operations = await Comparison(apps, APPS).operations()
    # Model options, such as a description, are ignored because they change no column.
    return [operation for operation in operations if not isinstance(operation, AlterModelOptions)]


def _find_files() -> None:
    """Make `migrations.versions` importable from the project's folder."""
    if (root := str(project_folder())) not in sys.path:
        sys.path.insert(0, root)
    importlib.invalidate_caches()


def _empty_state() -> State:
    return State(models={}, apps=StateApps({APP: "default"}))
