"""Columns of every type, as users write them, taken through the commands for migrations."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.client import PASSWORD
from tests.conftest import Project, render_to
from tests.options import Answers
from tests.test_living_database import database

ALEMBIC: list[Answers] = [
    {"orm": orm, "database": name}
    for orm, name in product(("sqlalchemy", "sqlmodel"), ("postgresql", "sqlite"))
]

COMMON = """
import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Enum, Table, func, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator

from app.core.models import Entity, metadata


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Document(TypeDecorator[dict[str, Any]]):
    impl = sa.JSON
    cache_ok = True


class Variant(TypeDecorator[dict[str, Any]]):
    impl = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    cache_ok = True


class Money(TypeDecorator[Decimal]):
    impl = sa.Numeric(12, 2)
    cache_ok = True


class Code(sa.String):
    pass


class Guid(TypeDecorator[Any]):
    impl = sa.CHAR(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        on_server = dialect.name == "postgresql"
        return dialect.type_descriptor(postgresql.UUID() if on_server else sa.CHAR(32))


types = Table(
    "types",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("big", sa.BigInteger),
    Column("blob", sa.LargeBinary),
    Column("code", Code(7)),
    Column("color", Enum(Color), server_default="RED"),
    Column("color_text", Enum(Color, native_enum=False)),
    Column("color_checked", Enum(Color, name="checked", native_enum=False, create_constraint=True)),
    Column("computed", sa.Integer, sa.Computed("id * 2", persisted=True)),
    Column("created", sa.DateTime(timezone=True), server_default=func.now()),
    Column("day", sa.Date),
    Column("document", Document, server_default="{}"),
    Column("guid", Guid),
    Column("interval", sa.Interval),
    Column("money", Money, CheckConstraint("money > 0", name="money"), server_default="1"),
    Column("note", sa.Text, server_default="it's"),
    Column("real", sa.Float),
    Column("time", sa.Time),
    Column("uuid", sa.Uuid),
    Column("variant", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
    Column("variant_decorated", Variant),
    CheckConstraint("(real > 0 AND real < 9) OR note <> 'a:b'", name="real"),
)
"""

POSTGRESQL = """

class Tags(TypeDecorator[list[str]]):
    impl = postgresql.ARRAY(sa.String(30))
    cache_ok = True


class Binary(TypeDecorator[dict[str, Any]]):
    impl = postgresql.JSONB
    cache_ok = True


class Kind(TypeDecorator[str]):
    impl = Enum("a", "b:c", "it's", name="kind")
    cache_ok = True


accounts = Table("accounts", metadata, Column("id", sa.Integer, primary_key=True), schema="billing")
here = Table("here", metadata, Column("id", sa.Integer, primary_key=True), schema="public")
server_types = Table(
    "server_types",
    metadata,
    Column("id", sa.Integer, sa.Identity(), primary_key=True),
    Column("account_id", sa.ForeignKey("billing.accounts.id")),
    Column("address", postgresql.INET),
    Column("binary", Binary, server_default=text("'{}'")),
    Column("codes", sa.ARRAY(Code(7))),
    Column("colors", sa.ARRAY(Enum(Color)), server_default="{RED}"),
    Column("during", postgresql.TSTZRANGE),
    Column("key", sa.Uuid, server_default=text("gen_random_uuid()")),
    Column("kind", Kind, server_default="b:c"),
    Column("search", postgresql.TSVECTOR),
    Column("tags", Tags),
    Column("words", postgresql.ARRAY(sa.String)),
    postgresql.ExcludeConstraint(("during", "&&"), name="one_at_a_time"),
)
"""

DECLARED = {
    "sqlalchemy": """
from sqlalchemy.orm import Mapped


class Declared(Entity):
    __tablename__ = "declared"

    color: Mapped[Color]
    day: Mapped[date]
    price: Mapped[Decimal]
    took: Mapped[timedelta]
    uuid: Mapped[UUID | None]
    when: Mapped[datetime]
""",
    "sqlmodel": """

class Declared(Entity, table=True):
    __tablename__ = "declared"

    color: Color
    day: date
    name: str
    price: Decimal
    took: timedelta
    uuid: UUID | None
""",
}

CHANGES = {
    "color": ('    RED = "red"\n', '    GREEN = "green"\n    RED = "red"\n    PINK = "pink"\n'),
    "server_default": ('server_default="RED"', 'server_default="PINK"'),
    "an apostrophe": ('server_default="it\'s"', 'server_default="it\'s new"'),
    "no default": (", server_default=func.now()", ""),
    "check of a column": ("money > 0", "money >= 0"),
    "check of a table": ("real < 9", "real < 10"),
    "computed": ("id * 2", "id * 3"),
    "a column": ('    Column("big", sa.BigInteger),\n', ""),
    "a label less": ('"a", "b:c", "it\'s"', '"b:c", "it\'s", "d"'),
    "exclusion": ('("during", "&&"), name', '("during", "-|-"), name'),
}


@pytest.mark.core
@pytest.mark.parametrize(
    "answers", ALEMBIC, ids=lambda answers: f"{answers['orm']}-{answers['database']}"
)
def test_columns_of_every_type_come_change_and_go(
    answers: Answers, template: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    root = tmp_path / "my-api"
    render_to(template, root, answers)
    project = sync(root)
    models = project.root / "src/app/features/probes/models.py"
    models.parent.mkdir()
    models.with_name("__init__.py").touch()
    on_server = answers["database"] == "postgresql"
    first = COMMON + POSTGRESQL * on_server + DECLARED[str(answers["orm"])]
    second = first
    for old, new in CHANGES.values():
        second = second.replace(old, new)
    with database(answers, tmp_path) as url:
        own = {"DATABASE_URL": url, "JWT_SECRET": PASSWORD * 2}
        for name, written in (("first", first), ("second", second), ("back", first)):
            models.write_text(written, encoding="utf-8")
            with pytest.raises(AssertionError, match="differ"):
                project.run("app", "db", "check", env=own)
            project.run("app", "db", "revision", "-m", name, env=own)
            for step in ("upgrade", "check", "downgrade", "upgrade"):
                project.run("app", "db", step, env=own)
        models.unlink()
        project.run("app", "db", "revision", "-m", "none", env=own)
        for step in ("upgrade", "check", "downgrade", "upgrade"):
            project.run("app", "db", step, env=own)
        project.run("pytest", "-q", "tests/integration/test_migrations.py", env=own)
        for revision in (project.root / "migrations/versions").glob("*.py"):
            assert "app.features" not in revision.read_text(encoding="utf-8")
