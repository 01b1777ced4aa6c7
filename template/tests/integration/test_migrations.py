"""Tests that each migration can be applied and reverted, and that the tables match the models."""

from collections.abc import Iterator

import pytest

from app.config import Settings, example_settings
from app.core.database import migrations
from app_dev.servers.database import scratch_database


@pytest.fixture
def empty(settings: Settings) -> Iterator[Settings]:
    """Settings for a new, empty database."""
    with scratch_database(settings.database_url.get_secret_value()) as url:
        yield example_settings(database_url=url)


def test_every_migration_can_be_applied_reverted_and_reapplied(empty: Settings) -> None:
    for revision in migrations.revisions(empty):
        migrations.upgrade(empty, revision)
        migrations.downgrade(empty)
        migrations.upgrade(empty, revision)


def test_the_migrations_build_the_tables_of_the_models(empty: Settings) -> None:
    migrations.upgrade(empty)

    assert migrations.difference(empty) is None
