"""Deletes content without a row: at startup, every hour, and when a user is deleted."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from app.core.database import Database
from app.core.database.changes import Change
from app.core.files import FILES, INCOMING, FileStore
from app.core.logging import get_logger
from app.features.files.sweep import is_due, sweep
from app.resources import Resources

logger = get_logger(__name__)

PAUSE = 300.0
"""Seconds after which a process checks again whether a sweep is due."""


@asynccontextmanager
async def lifespan(resources: Resources) -> AsyncGenerator[None]:
    store = resources.get(FileStore.open)
    resources.database.subscribers.append(partial(delete_content_of_users, store))
    task = asyncio.create_task(_sweep_every_hour(resources.database, store))
    yield
    task.cancel()
    await asyncio.wait({task})


async def delete_content_of_users(store: FileStore, changes: Sequence[Change]) -> None:
    """Delete the content of the files of each deleted user.

    ON DELETE CASCADE has deleted the rows, so the keys are found by the user's id.
    """
    for change in changes:
        if change.resource.name == "users" and change.kind == "deleted":
            for prefix in (FILES, INCOMING):
                async for batch in store.list(f"{prefix}/{change.row.id}"):
                    for stored in batch:
                        await store.delete(stored.key)


async def _sweep_every_hour(database: Database, store: FileStore) -> None:
    """Sweep at startup and then every hour, unless another process has swept the store already."""
    starting = True
    while True:
        try:
            if starting or await is_due(store):
                deleted = await sweep(database, store)
                logger.info("files_swept", deleted=deleted)
        except Exception:
            logger.exception("sweep_failed")
        starting = False
        await asyncio.sleep(PAUSE)
