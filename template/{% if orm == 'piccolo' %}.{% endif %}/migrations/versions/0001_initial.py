from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns import UUID, Timestamptz, Varchar
from piccolo.constraints import Unique

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "initial"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="app", description=DESCRIPTION)

    manager.add_table(class_name="Item", tablename="items")

    manager.add_column(
        table_class_name="Item",
        tablename="items",
        column_name="id",
        column_class=UUID,
        params={"default": None, "primary_key": True},
    )

    manager.add_column(
        table_class_name="Item",
        tablename="items",
        column_name="created_at",
        column_class=Timestamptz,
        params={"default": None},
    )

    manager.add_column(
        table_class_name="Item",
        tablename="items",
        column_name="updated_at",
        column_class=Timestamptz,
        params={"default": None},
    )

    manager.add_column(
        table_class_name="Item",
        tablename="items",
        column_name="title",
        column_class=Varchar,
        params={"length": 200, "default": None},
    )

    manager.add_column(
        table_class_name="Item",
        tablename="items",
        column_name="description",
        column_class=Varchar,
        params={"length": 2000, "null": True, "default": None},
    )

    manager.add_constraint(
        table_class_name="Item",
        tablename="items",
        constraint_name="items_created_at_id",
        constraint_class=Unique,
        params={"columns": ["created_at", "id"]},
    )

    return manager
