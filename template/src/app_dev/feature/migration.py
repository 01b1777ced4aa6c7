"""Makes the migration of a feature that was written or removed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.commands import migrated_scratch_database
from app.core.database import migrations
from app.features import import_models
from app_dev.feature.grammar import FeatureError


@contextmanager
def migration(root: Path) -> Iterator[Callable[[str], str]]:
    """Yield a function that makes the migration for changed models, and returns its path.

    If the body of the `with` statement fails, the migration is deleted. Before the body runs, the
    models must agree with the existing migrations, so that the migration contains nothing else.
    """
    versions = root / "migrations/versions"
    before = set(versions.glob("*.py"))
    import_models()
    with migrated_scratch_database() as settings:
        if migrations.difference(settings):
            raise FeatureError(
                "The models have changes without a migration, so make it first: just migration '…'"
            )
        url = settings.database_url.get_secret_value()

        def make(message: str) -> str:
            command = [sys.executable, "-m", "app_dev.feature.revision", message]
            done = subprocess.run(  # noqa: S603
                command,
                check=False,
                cwd=root,
                input=url,
                capture_output=True,
                text=True,
            )
            new = set(versions.glob("*.py")) - before
            if done.returncode or len(new) != 1:
                reason = (done.stderr or done.stdout).strip()
                raise FeatureError(f"The migration could not be made:\n{reason}")
            return new.pop().relative_to(root).as_posix()

        try:
            yield make
        finally:
            if sys.exception():
                for file in set(versions.glob("*.py")) - before:
                    file.unlink()
