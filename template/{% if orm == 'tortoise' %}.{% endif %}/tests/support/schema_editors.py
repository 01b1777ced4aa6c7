"""Applies migration operations with the schema editor of Tortoise or of the application."""

from typing import Any

from tortoise import fields
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import CreateModel, Operation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from app.core.database import Session
from app.core.database.schema import schema_editor


def create_room(*columns: tuple[str, Any], **options: Any) -> Operation:
    """Return an operation that creates the table `rooms` with an `id` and the given columns."""
    key = ("id", fields.IntField(primary_key=True))
    return CreateModel("Room", [key, *columns], options={"table": "rooms", "app": "app", **options})


def overridden_editor(session: Session) -> BaseSchemaEditor:
    return schema_editor(session.client, atomic=True)


def plain_editor(session: Session) -> BaseSchemaEditor:
    """Return Tortoise's own schema editor, from which the classes in `schema.py` are derived."""
    classes = type(overridden_editor(session)).__mro__
    plain: Any = next(each for each in classes if each.__module__.startswith("tortoise."))
    editor: BaseSchemaEditor = plain(session.client, atomic=True)
    return editor


async def collect_sql(editor: BaseSchemaEditor, *operations: Operation) -> str:
    """Return the SQL of the operations without executing it."""
    editor.collect_sql = True
    await apply(editor, *operations)
    return "\n".join(editor.collected_sql)


async def apply(editor: BaseSchemaEditor, *operations: Operation) -> None:
    """Execute the operations in the current transaction."""
    migration = Migration("0001_rooms", "app")
    migration.operations = [*operations]
    state = State(models={}, apps=StateApps({"app": "default"}))
    await migration.apply(state, schema_editor=editor)
