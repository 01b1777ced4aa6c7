"""Tests of generated revisions and of the order in which revisions are reverted."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Computed,
    Enum,
    ForeignKey,
    Integer,
    Interval,
    MetaData,
    Numeric,
    String,
    Table,
    text,
)
from sqlalchemy.types import TypeDecorator

from app.config import Settings, example_settings
from app.core.database import migrations, models
from app.core.database.columns import NAMING_CONVENTION
from app_dev.servers.database import scratch_database

ROOT = Path(__file__).parents[2]


class Document(TypeDecorator[dict[str, Any]]):
    """A custom column type, which a generated revision must not import."""

    impl = JSON
    cache_ok = True


@pytest.fixture
def empty(settings: Settings) -> Iterator[Settings]:
    """Settings with the DATABASE_URL of an empty database."""
    with scratch_database(settings.database_url.get_secret_value()) as url:
        yield example_settings(database_url=url)


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty revisions folder of a temporary project."""
    shutil.copy2(ROOT / "alembic.ini", tmp_path)
    shutil.copytree(
        ROOT / "migrations", tmp_path / "migrations", ignore=shutil.ignore_patterns("versions")
    )
    monkeypatch.setattr(migrations, "_configuration_file", lambda: tmp_path / "alembic.ini")
    versions = tmp_path / "migrations/versions"
    versions.mkdir()
    return versions


def old_tables(models: MetaData) -> None:
    Table("owners", models, Column("id", Integer, primary_key=True))
    Table(
        "orders",
        models,
        Column("id", Integer, primary_key=True),
        Column("owner_id", ForeignKey("owners.id")),
        Column("state", Enum("new", "paid", name="order_state"), server_default="new"),
        Column("channel", Enum("web", "shop", name="order_channel")),
        Column("document", Document),
        Column("waited", Interval),
        Column("price", Numeric(10, 2), server_default="0"),
        Column("note", String(20), server_default="it's new"),
        Column("total", Integer, Computed("id * 2", persisted=True)),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("price < 100", name="cheap"),
    )


def new_tables(models: MetaData) -> None:
    Table(
        "orders",
        models,
        Column("id", Integer, primary_key=True),
        Column("state", Enum("draft", "new", "sent", "paid", name="order_state", length=5)),
        Column("kind", Enum("a", "b:c", name="order_kind"), server_default="b:c", nullable=False),
        Column("document", Document, server_default=text("'{}'")),
        Column("waited", Interval),
        Column("price", Numeric(10, 2), server_default="1"),
        Column("note", String(20)),
        Column("total", Integer, Computed("id * 3", persisted=True)),
        CheckConstraint("price > 0", name="price"),
        CheckConstraint("note <> 'a:b'", name="note"),
    )


def test_a_generated_revision_applies_and_reverts_every_change(
    empty: Settings, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, add_tables in enumerate((old_tables, new_tables, old_tables)):
        wanted = MetaData(naming_convention=NAMING_CONVENTION)
        add_tables(wanted)
        monkeypatch.setattr(models, "metadata", wanted)
        assert migrations.difference(empty) is not None
        migrations.revision(empty, f"change {number}")
        migrations.upgrade(empty)
        assert migrations.difference(empty) is None
        migrations.downgrade(empty)
        migrations.upgrade(empty)
        assert migrations.difference(empty) is None

    written = "".join(path.read_text() for path in versions.glob("*.py"))
    assert "sa.Interval()" in written
    assert __name__ not in written


@pytest.mark.error_path
@pytest.mark.parametrize(
    "changed",
    [
        Column("number", Integer, CheckConstraint("number > 1", name="number"), server_default="1"),
        Column("number", Integer, CheckConstraint("number > 0", name="number"), server_default="2"),
        Column("number", Integer, CheckConstraint("number > 0", name="number")),
        Column("number", Integer, server_default="1"),
    ],
)
def test_difference_reports_a_changed_check_and_a_changed_default(
    changed: Column[int], empty: Settings, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = Column(
        "number", Integer, CheckConstraint("number > 0", name="number"), server_default="1"
    )
    for number in (column, changed):
        wanted = MetaData(naming_convention=NAMING_CONVENTION)
        Table("numbers", wanted, Column("id", Integer, primary_key=True), number)
        monkeypatch.setattr(models, "metadata", wanted)
        if number is column:
            migrations.revision(empty, "numbers")
            migrations.upgrade(empty)

    assert "number" in str(migrations.difference(empty))
    assert len(list(versions.glob("*.py"))) == 1


def write(versions: Path, name: str, *after: str) -> None:
    """Write a revision file without operations."""
    down_revision = after if len(after) > 1 else next(iter(after), None)
    head = f"revision = {name!r}\ndown_revision = {down_revision!r}\n"
    body = "def upgrade(): pass\ndef downgrade(): pass\n"
    (versions / f"{name}.py").write_text(head + body)


@pytest.fixture
def branches(versions: Path) -> Sequence[str]:
    """Write six revisions: the first one, three on two branches, a merge, and the last one."""
    write(versions, "first")
    write(versions, "left", "first")
    write(versions, "right", "first")
    write(versions, "right2", "right")
    write(versions, "merge", "left", "right2")
    write(versions, "last", "merge")
    return ("last", "merge", "left", "right2", "right", "first")


def test_branches_are_upgraded_and_downgraded_revision_by_revision(
    empty: Settings, branches: Sequence[str]
) -> None:
    for revision in migrations.revisions(empty):
        migrations.upgrade(empty, revision)
        migrations.downgrade(empty)
        migrations.upgrade(empty, revision)

    assert len(migrations.revisions(empty)) == len(branches)
    for _ in branches:
        migrations.downgrade(empty)


@pytest.mark.error_path
def test_downgrade_fails_if_no_revision_is_applied(
    empty: Settings, branches: Sequence[str]
) -> None:
    migrations.upgrade(empty)
    for _ in branches:
        migrations.downgrade(empty)

    with pytest.raises(migrations.MigrationError, match="No revision is applied"):
        migrations.downgrade(empty)


@pytest.mark.error_path
def test_downgrade_names_the_missing_file_of_the_applied_revision(
    empty: Settings, versions: Path
) -> None:
    write(versions, "first")
    write(versions, "newer", "first")
    migrations.upgrade(empty)
    (versions / "newer.py").unlink()

    with pytest.raises(migrations.MigrationError, match="applied revision newer is missing"):
        migrations.downgrade(empty)


@pytest.mark.error_path
def test_difference_fails_if_the_database_is_not_up_to_date(
    empty: Settings, branches: Sequence[str]
) -> None:
    migrations.upgrade(empty, branches[-1])

    with pytest.raises(migrations.MigrationError, match="not up to date"):
        migrations.difference(empty)


def test_finds_the_project_from_any_folder(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert "0001" in migrations.revisions(settings)


@pytest.mark.error_path
def test_says_where_to_run_the_command_if_no_project_is_found(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(migrations, "__file__", "/site-packages/app/core/database/migrations.py")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))

    with pytest.raises(migrations.MigrationError, match="project's folder"):
        migrations.revisions(settings)


def test_writes_a_revision_if_the_formatter_is_not_installed(
    empty: Settings, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "find_spec", lambda _: None)
    monkeypatch.setattr(models, "metadata", MetaData())

    migrations.revision(empty, "empty")

    assert len(list(versions.glob("*_empty.py"))) == 1
