"""Every migration goes up, down and up again, and together they build what the models say."""

from collections.abc import Iterator

import pytest

from app.config import Settings, example_settings
from app.core.database import migrations
from app_dev.servers.database import scratch_database


@pytest.fixture
def empty(settings: Settings) -> Iterator[Settings]:
    """Settings that name a database without any table."""
    with scratch_database(settings.database_url.get_secret_value()) as url:
        yield example_settings(database_url=url)


def test_the_stairway(empty: Settings) -> None:
    for revision in migrations.revisions(empty):
        migrations.upgrade(empty, revision)
        migrations.downgrade(empty)
        migrations.upgrade(empty, revision)


def test_the_models_are_what_the_migrations_build(empty: Settings) -> None:
    migrations.upgrade(empty)

    assert migrations.difference(empty) is None
