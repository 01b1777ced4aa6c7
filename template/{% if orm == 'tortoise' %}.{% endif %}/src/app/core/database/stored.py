"""Converts models to the form that revisions use for tables, so that the two can be compared."""

import inspect
from copy import copy
from decimal import Decimal
from enum import Enum
from typing import Any

from tortoise.fields import CharField, Field, SmallIntField
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import DeleteModel, Operation
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State

from app.core.database.revisions import MigrationError

ENUMS: dict[type, Any] = {CharEnumFieldInstance: CharField, IntEnumFieldInstance: SmallIntField}

STORED_DEFAULTS = (str, int, float, Decimal)
"""Types that a default value in a revision may have.

When a column becomes NOT NULL, the revision may write the default value to existing rows.
"""


class Comparison(MigrationAutodetector):
    """Compares the schema that the revisions create with the schema of the models.

    The application's column classes are replaced with the ORM's classes, and the application's
    functions are omitted, because a revision must not import code that may be removed later.
    """

    async def operations(self) -> list[Operation]:
        """Return the operations that a new revision needs to make the schema match the models."""
        await self.loader.build_graph()
        built, wanted = _stored(await self._project_state()), _stored(self._current_state())
        generator = OperationGenerator(built, wanted)
        operations: list[Operation] = list(generator.generate())
        # A table must be dropped before the tables that its foreign keys reference.
        keys = generator._sort_by_dependencies(list(built.models), built)  # noqa: SLF001
        order = [name for _, name in keys]
        drops = [operation for operation in operations if isinstance(operation, DeleteModel)]
        drops.sort(key=lambda drop: order.index(drop.name), reverse=True)
        return [
            drops.pop(0) if isinstance(operation, DeleteModel) else operation
            for operation in operations
        ]


def _stored(state: State) -> State:
    for model in state.models.values():
        model.fields = {
            name: stored_field(f"{model.name}.{name}", field)
            for name, field in model.fields.items()
        }
    return state


def stored_field(name: str, field: Field[Any]) -> Field[Any]:
    """Copy the field, and replace its class with a Tortoise class that creates the same column."""
    stored = copy(field)
    # Replace a custom column class with its Tortoise base class if both have the same SQL type.
    kind = next(kind for kind in type(field).__mro__ if kind.__module__.startswith("tortoise."))
    stored.__class__ = ENUMS.get(kind, kind)
    if stored.has_db_field and stored.get_db_field_types() != field.get_db_field_types():
        stored.__class__ = type(field)
        if type(field).__module__.startswith("app.features."):
            raise MigrationError(
                f"{name}: {type(field).__name__} defines a column type, so revisions import the class."
                " Move it to app.core, so that revisions keep working if the feature is removed."
            )
    for attribute in ("default", "db_default"):
        if isinstance(value := getattr(stored, attribute, None), Enum):
            setattr(stored, attribute, value.value)
    if not isinstance(stored.default, STORED_DEFAULTS):
        stored.default = None  # The application sets this default, not the database.
    parameters = inspect.signature(type(stored).__init__).parameters.keys()
    for attribute in parameters & vars(stored).keys():
        if stored.has_db_field and callable(getattr(stored, attribute)):
            # A revision must not import functions of the application, such as a JSON encoder.
            delattr(stored, attribute)
    return stored
