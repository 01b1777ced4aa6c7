"""A schema editor for schema changes that Tortoise does not support."""

from typing import Any

from tortoise.fields.relational import ForeignKeyFieldInstance, ManyToManyFieldInstance
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.models import Model


class CompleteSchemaEditor(BaseSchemaEditor):
    """Changes column types, and creates indexes for new columns and constraints for new tables."""

    _checks: tuple[str, ...] = ()

    async def create_model(self, model: type[Model]) -> None:
        constraints = model._meta.constraints  # noqa: SLF001
        self._checks = tuple(
            self.CHECK_CONSTRAINT_CREATE_TEMPLATE.format(name=each.name, check=each.check)
            for each in constraints
            if isinstance(each, CheckConstraint)
        )
        await super().create_model(model)
        for constraint in constraints:
            if not isinstance(constraint, CheckConstraint):
                await self.add_constraint(model, constraint)

    def _escape_default_value(self, default: object) -> str:
        """Escape the apostrophes in a string by doubling them.

        Tortoise would escape apostrophes with backslashes, which is invalid SQL.
        """
        if isinstance(default, str):
            return "'" + default.replace("'", "''") + "'"
        return super()._escape_default_value(default)

    def _get_inner_statements(self) -> list[str]:
        """Add CHECK constraints to CREATE TABLE, because some databases cannot add them later."""
        return [*super()._get_inner_statements(), *self._checks]

    async def add_field(self, model: type[Model], field_name: str) -> None:
        await super().add_field(model, field_name)
        field = model._meta.fields_map[field_name]  # noqa: SLF001
        if comments := self._post_table_hook():
            await self._run_sql(comments)
        if _is_column(field) and field.index and not (field.pk or field.unique):
            await self.add_index(model, Index(fields=(field.source_field or field_name,)))

    def _drop_index_sql(self, model: type[Model], index_name: str) -> str:
        """Return a DROP INDEX IF EXISTS statement.

        The index may be missing, because earlier versions of this class did not create all indexes.
        """
        sql = super()._drop_index_sql(model, index_name)
        return sql.replace("DROP INDEX", "DROP INDEX IF EXISTS", 1)

    async def alter_field(
        self, old_model: type[Model], new_model: type[Model], field_name: str
    ) -> None:
        """Change the type of a column. Tortoise's schema editors do not support this.

        The database converts the values in the column to the new type.
        """
        old = old_model._meta.fields_map[field_name]  # noqa: SLF001
        new = new_model._meta.fields_map[field_name]  # noqa: SLF001
        if _is_column(old) and _is_column(new):
            await self._alter_field(new_model, old, new)
        else:
            await super().alter_field(old_model, new_model, field_name)


def _is_column(field: Any) -> bool:
    return not isinstance(field, (ForeignKeyFieldInstance, ManyToManyFieldInstance))
