"""What the command line needs of the migrations; Tortoise does it."""

import asyncio
import importlib
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

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
from app.core.database.revisions import FOLDER, MigrationError, project, tidy
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
    """Undo one revision: the newest of those that are applied.

    With branches, `revisions` has their order. Undoing a merge leaves both of the branches that it
    joined.
    """
    asyncio.run(_downgrade(settings))


def revision(settings: Settings, message: str) -> None:
    """Write a revision that brings what the others build to the models."""
    operations = asyncio.run(_changes(settings))
    graph = asyncio.run(_graph())
    names = [key.name for key in graph.nodes]
    number = max((int(name[:4]) for name in names if name[:4].isdigit()), default=0) + 1
    name = format_migration_name(number, message)
    path = project() / FOLDER / f"{name}.py"
    # After two branches it is their merge.
    parents = [(APP, leaf.name) for leaf in graph.leaf_nodes()]
    source = RevisionWriter(name, APP, operations, dependencies=parents).as_string()
    path.write_text(source, encoding="utf-8")
    tidy(path)


def revisions(_settings: Settings) -> list[str]:
    """Every revision, from the first to the newest."""
    return list(asyncio.run(_revisions()))


def difference(settings: Settings) -> str | None:
    """How the models differ from what the revisions build."""
    operations = asyncio.run(_changes(settings))
    return "\n".join(f"  {operation.describe()}" for operation in operations) or None


class RevisionWriter(MigrationWriter):
    def as_string(self) -> str:
        return f"# Lists are how Tortoise wants them.\n# ruff: noqa: RUF012\n{super().as_string()}"


async def _upgrade(settings: Settings, revision: str) -> None:
    every = await _revisions()
    if revision not in {"head", *every}:
        raise MigrationError(f"There is no revision {revision}.")
    async with _connected(settings) as (connection, recorder, applied):
        state = _empty_state()
        for name, migration in every.items():
            with _misfits(name):
                if name in applied:
                    await migration.apply(state, dry_run=True)
                else:
                    async with _step(connection, migration) as editor:
                        await migration.apply(state, schema_editor=editor)
                        await recorder.record_applied(APP, name)
                    logger.info("upgraded", revision=name)
            if name == revision:
                break


async def _downgrade(settings: Settings) -> None:
    every = await _revisions()
    async with _connected(settings) as (connection, recorder, applied):
        if missing := applied - every.keys():
            raise MigrationError(f"The file of revision {max(missing)} is missing.")
        if not applied:
            raise MigrationError("There is no revision to go back from.")
        *before, last = (migration for name, migration in every.items() if name in applied)
        if not all(getattr(operation, "reversible", True) for operation in last.operations):
            raise MigrationError(f"Revision {last.name} cannot be gone back from.")
        state = _empty_state()
        for migration in before:
            await migration.apply(state, dry_run=True)
        async with _step(connection, last) as editor:
            await last.unapply(state, schema_editor=editor)
            await recorder.record_unapplied(APP, last.name)
        logger.info("downgraded", revision=last.name)


@asynccontextmanager
async def _connected(
    settings: Settings,
) -> AsyncGenerator[tuple[Connection, MigrationRecorder, set[str]]]:
    """A connection, the records of what was applied, and the names in them."""
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
async def _step(connection: Connection, migration: Migration) -> AsyncGenerator[BaseSchemaEditor]:
    """Each revision is a transaction with the record that it was applied, unless it wants none."""
    async with connection.in_transaction() if migration.atomic else nullcontext():
        yield schema_editor(connection, atomic=migration.atomic)


@contextmanager
def _misfits(name: str) -> Iterator[None]:
    """Name the revision that changes what is not there, such as one of two branches at odds."""
    try:
        yield
    except IncompatibleStateError as exc:
        raise MigrationError(f"Revision {name} does not fit those before it.") from exc


async def _graph() -> MigrationGraph:
    _find_files()
    loader = MigrationLoader(APPS, MigrationRecorder(None))
    await loader.build_graph()
    return loader.graph


async def _revisions() -> dict[str, Migration]:
    """What each revision does, by its name, from the first to the newest."""
    graph = await _graph()
    keys = [key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf)]
    return {key.name: migration for key in keys if (migration := graph.nodes[key])}


async def _changes(settings: Settings) -> list[Operation]:
    """What would bring the revisions to the models."""
    _find_files()
    async with Connections.open(settings) as connections:
        with (session := Session(connections)):
            apps = Apps(APPS, session.connections)
            every = await Comparison(apps, APPS).operations()
    # Options, such as a model's docstring, change no table.
    return [operation for operation in every if not isinstance(operation, AlterModelOptions)]


def _find_files() -> None:
    """Let `migrations.versions` be imported from the project's root."""
    if (root := str(project())) not in sys.path:
        sys.path.insert(0, root)
    importlib.invalidate_caches()


def _empty_state() -> State:
    return State(models={}, apps=StateApps({APP: "default"}))
