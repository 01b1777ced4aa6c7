"""Models as the database has them, without what only the application knows of them."""

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

CONSTANTS = (str, int, float, Decimal)
"""Defaults that a revision fills rows with, where a column stops to be nullable."""


class Comparison(MigrationAutodetector):
    """Tortoise's, of the columns that the revisions build and those that the models want.

    A revision that named an enumeration, a default or a class of the application would fail as
    soon as that is renamed or removed.
    """

    async def operations(self) -> list[Operation]:
        """What would bring the revisions to the models."""
        await self.loader.build_graph()
        built, wanted = _stored(await self._project_state()), _stored(self._current_state())
        generator = OperationGenerator(built, wanted)
        operations: list[Operation] = list(generator.generate())
        # Tables that refer to others are dropped before them.
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
    """A field of Tortoise's own that has the same column."""
    stored = copy(field)
    # A class that changes only what Python sees is left out; one with a column type is kept.
    kind = next(kind for kind in type(field).__mro__ if kind.__module__.startswith("tortoise."))
    stored.__class__ = ENUMS.get(kind, kind)
    if stored.has_db_field and stored.get_db_field_types() != field.get_db_field_types():
        stored.__class__ = type(field)
        if type(field).__module__.startswith("app.features."):
            raise MigrationError(
                f"{name}: {type(field).__name__} has a column type of its own, so revisions import"
                " it. Define it in app.core: a feature may be removed, a revision may not."
            )
    for attribute in ("default", "db_default"):
        if isinstance(value := getattr(stored, attribute, None), Enum):
            setattr(stored, attribute, value.value)
    if not isinstance(stored.default, CONSTANTS):
        stored.default = None  # Computed by the application: the database never sees it.
    written = inspect.signature(type(stored).__init__).parameters.keys()
    for attribute in written & vars(stored).keys():
        if stored.has_db_field and callable(getattr(stored, attribute)):
            delattr(stored, attribute)  # Such as a JSON encoder: then it is not written.
    return stored
