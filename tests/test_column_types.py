"""Test that the migration commands handle columns of every type."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.support.client import PASSWORD
from tests.support.options import Answers
from tests.support.projects import Project
from tests.support.rendering import render_to
from tests.support.servers import database

COMBINATIONS: list[Answers] = [
    {"orm": orm, "database": database}
    for orm, database in (
        *product(("sqlalchemy", "sqlmodel", "tortoise"), ("postgresql", "sqlite")),
        ("piccolo", "postgresql"),
    )
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

from app.core.database.models import Entity, metadata


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

TORTOISE = """
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
import json

from tortoise import fields
from tortoise.fields.relational import ForeignKeyRelation
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.core.database.models import Entity


class Color(str, Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def encode(value: Any) -> str:
    return json.dumps(value)


def first_day() -> date:
    return date(2026, 1, 1)


class Money(fields.DecimalField):
    pass


class Zoo(Entity):
    name = fields.CharField(max_length=20)

    class Meta(Model.Meta):
        table = "zoos"
        constraints = (
            CheckConstraint(check="name <> 'x;y'", name="ck_zoos_name"),
            UniqueConstraint(fields=("name",), name="uq_zoos_name"),
        )


class Animal(Entity):
    zoo: ForeignKeyRelation[Zoo] = fields.ForeignKeyField("app.Zoo", related_name=False)
    friends: fields.ManyToManyRelation["Zoo"] = fields.ManyToManyField("app.Zoo", related_name="guests", through="animal_zoo")
    big = fields.BigIntField(null=True)
    binary = fields.BinaryField(null=True)
    color = fields.CharEnumField(Color, default=Color.RED)
    level = fields.IntEnumField(Level, default=Level.LOW)
    day = fields.DateField(default=first_day)
    document: Any = fields.JSONField(encoder=encode, default=dict)
    flag = fields.BooleanField(default=False)
    number = fields.IntField(db_default=3)
    small = fields.SmallIntField(db_index=True)
    note = fields.TextField(null=True)
    price = Money(max_digits=12, decimal_places=2)
    real = fields.FloatField(null=True)
    took = fields.TimeDeltaField(default=timedelta(seconds=1))
    clock = fields.TimeField(null=True)
    code = fields.CharField(max_length=7, unique=True, description="it's a code")
    uuid = fields.UUIDField(null=True)
    goes = fields.IntField(null=True)

    class Meta(Model.Meta):
        table = "animals"
        unique_together = (("small", "day"),)
        indexes = (Index(fields=("day", "price")),)
        constraints = (
            CheckConstraint(check="price >= 0", name="ck_animals_price"),
            CheckConstraint(check="number > 0", name="ck_animals_number"),
            CheckConstraint(check="big > 0", name="ck_animals_old"),
            UniqueConstraint(fields=("note",), name="uq_animals_note", condition="flag"),
        )
"""

PICCOLO = """
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from piccolo import columns as c
from piccolo.columns.indexes import IndexMethod
from piccolo.constraints import Check, Unique

from app.core.database.models import Entity


class Color(str, Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HIGH = 2


def first_day() -> date:
    return date(2026, 1, 1)


class Money(c.Numeric):
    pass


class Zoo(Entity, tablename="zoos"):
    name = c.Varchar(length=20, default=None)
    zoos_name = Unique(["name"])


class Animal(Entity, tablename="animals"):
    zoo = c.ForeignKey(references=Zoo, null=False)
    aunt = c.ForeignKey(references="self")
    big = c.BigInt(null=True)
    binary = c.Bytea(null=True)
    color = c.Varchar(choices=Color, default=Color.RED)
    level = c.SmallInt(choices=Level, default=Level.LOW)
    day = c.Date(default=first_day)
    document = c.JSONB(default={})
    plain = c.JSON(null=True, default=None)
    flag = c.Boolean(default=False)
    number = c.Integer(default=3)
    small = c.SmallInt(index=True)
    note = c.Text(null=True, default=None)
    price = Money(digits=(12, 2), default=Decimal("1.0"))
    real = c.Real(null=True)
    double = c.DoublePrecision()
    took = c.Interval(default=timedelta(seconds=1))
    clock = c.Time(null=True)
    stamp = c.Timestamp(null=True, default=None)
    at = c.Timestamptz()
    code = c.Varchar(length=7, unique=True)
    key = c.UUID()
    mail = c.Email(default="")
    secret = c.Secret(null=True)
    words = c.Array(base_column=c.Varchar(length=10), default=list)
    goes = c.Integer(null=True)
    animals_small_day = Unique(["small", "day"])
    animals_price = Check("price >= 0")
    animals_old = Check("big > 0")
"""

ALEMBIC_CHANGES = {
    "color": ('    RED = "red"\n', '    GREEN = "green"\n    RED = "red"\n    PINK = "pink"\n'),
    "server_default": ('server_default="RED"', 'server_default="PINK"'),
    "an apostrophe": ('server_default="it\'s"', 'server_default="it\'s new"'),
    "a removed default": (", server_default=func.now()", ""),
    "check of a column": ("money > 0", "money >= 0"),
    "check of a table": ("real < 9", "real < 10"),
    "computed": ("id * 2", "id * 3"),
    "a removed column": ('    Column("big", sa.BigInteger),\n', ""),
    "a removed enum label": ('"a", "b:c", "it\'s"', '"b:c", "it\'s", "d"'),
    "exclusion": ('("during", "&&"), name', '("during", "-|-"), name'),
}


TORTOISE_CHANGES = {
    "an enumeration of text": ('BLUE = "blue"', 'BLUE = "blue"\n    PURPLE = "purple"'),
    "an enumeration of numbers": ("HIGH = 2", "HIGH = 2\n    TOP = 3"),
    "db_default": ("db_default=3", "db_default=5"),
    "one column for another": (
        "goes = fields.IntField(null=True)",
        'comes = fields.SmallIntField(null=True, db_index=True, description="it\'s new")',
    ),
    "an apostrophe": (
        "note = fields.TextField(null=True)",
        'note = fields.CharField(max_length=30, default="it\'s")',
    ),
    "type": ("big = fields.BigIntField(", "big = fields.CharField(max_length=40, "),
    "one check for another": (
        'check="big > 0", name="ck_animals_old"',
        'check="length(big) > 0", name="ck_animals_length"',
    ),
    "a check": ("price >= 0", "price > 0"),
    "the name of a check": ("ck_animals_number", "ck_animals_positive"),
    "the condition of an index": (', condition="flag"', ""),
    "null": ("default=False", "default=False, null=True"),
    "on_delete": (
        "related_name=False)",
        "related_name=False, on_delete=fields.RESTRICT, null=True)",
    ),
    "unique_together": ('("small", "day")', '("small", "code")'),
    "an index": (", db_index=True)\n    note", ")\n    note"),
    "unique": (
        "uuid = fields.UUIDField(null=True",
        "uuid = fields.UUIDField(null=True, unique=True",
    ),
}

PICCOLO_CHANGES = {
    "an enumeration of text": ('BLUE = "blue"', 'BLUE = "blue"\n    PURPLE = "purple"'),
    "an enumeration of numbers": ("HIGH = 2", "HIGH = 2\n    TOP = 3"),
    "default": ("default=Color.RED", "default=Color.PURPLE"),
    "one column for another": (
        "goes = c.Integer(null=True)",
        "comes = c.SmallInt(null=True, index=True)",
    ),
    "an apostrophe": (
        "note = c.Text(null=True, default=None)",
        'note = c.Varchar(length=30, default="it\'s")',
    ),
    "type": ("big = c.BigInt(null=True)", "big = c.Varchar(length=40, null=True, default=None)"),
    "one check for another": (
        'animals_old = Check("big > 0")',
        'animals_length = Check("length(big) > 0")',
    ),
    "null": ("default=False", "default=False, null=True"),
    "on_delete": ("null=False)", "on_delete=c.OnDelete.restrict, null=True)"),
    "a unique constraint": (
        'animals_small_day = Unique(["small", "day"])',
        'animals_small_code = Unique(["small", "code"])',
    ),
    "an index": ("c.SmallInt(index=True)\n", "c.SmallInt()\n"),
    "the method of an index": (
        "clock = c.Time(null=True)",
        "clock = c.Time(null=True, index=True, index_method=IndexMethod.hash)",
    ),
    "unique": ("key = c.UUID()", "key = c.UUID(unique=True)"),
    "digits": ("digits=(12, 2)", "digits=(14, 3)"),
    "an array": ("c.Varchar(length=10)", "c.Varchar(length=20)"),
}


def models_before_and_after(answers: Answers) -> tuple[str, str]:
    """Return two versions of models.py: before and after all column changes."""
    orm, on_server = str(answers["orm"]), answers["database"] == "postgresql"
    first, changes = {
        "tortoise": (TORTOISE, TORTOISE_CHANGES),
        "piccolo": (PICCOLO, PICCOLO_CHANGES),
    }.get(orm, (COMMON + POSTGRESQL * on_server + DECLARED.get(orm, ""), ALEMBIC_CHANGES))
    second = first
    for old, new in changes.values():
        second = second.replace(old, new)
    return first, second


@pytest.mark.core
@pytest.mark.parametrize(
    "answers", COMBINATIONS, ids=lambda answers: f"{answers['orm']}-{answers['database']}"
)
def test_migrations_add_change_and_drop_columns_of_every_type(
    answers: Answers, template: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    root = tmp_path / "my-api"
    render_to(template, root, answers)
    project = sync(root)
    models = project.root / "src/app/features/probes/models.py"
    models.parent.mkdir()
    models.with_name("__init__.py").touch()
    first, second = models_before_and_after(answers)
    with database(answers, tmp_path) as url:
        variables = {"DATABASE_URL": url, "JWT_SECRET": PASSWORD * 2}
        for name, source in (("first", first), ("second", second), ("back", first)):
            models.write_text(source, encoding="utf-8")
            with pytest.raises(AssertionError, match="differ"):
                project.run("app", "db", "check", env=variables)
            project.run("app", "db", "revision", "-m", name, env=variables)
            for step in ("upgrade", "check", "downgrade", "upgrade"):
                project.run("app", "db", step, env=variables)
        models.unlink()
        project.run("app", "db", "revision", "-m", "none", env=variables)
        for step in ("upgrade", "check", "downgrade", "upgrade"):
            project.run("app", "db", step, env=variables)
        project.run("pytest", "-q", "tests/integration/test_migrations.py", env=variables)
        for revision in (project.root / "migrations/versions").glob("*.py"):
            assert "app.features" not in revision.read_text(encoding="utf-8")
