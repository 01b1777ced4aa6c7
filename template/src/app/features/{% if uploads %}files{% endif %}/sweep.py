"""Deletes content that belongs to no file, and uploads that were never completed."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core.database import EVERYTHING, Database
from app.core.files import FILES, INCOMING, FileStore
from app.features.files.repository import PendingUploadRepository, StoredFileRepository

INTERVAL = timedelta(hours=1)
"""Time between two sweeps."""

MIN_AGE = timedelta(hours=1)
"""Minimum age of deleted content. Newer content may belong to an upload that is in progress."""


LAST_SWEEP = "last-sweep"
"""Key of an empty object that is written after each sweep."""


async def is_due(store: FileStore) -> bool:
    """Return whether no process has swept the store for an hour."""
    try:
        last = await store.head(LAST_SWEEP)
    except FileNotFoundError:
        return True
    return last.modified_at < datetime.now(UTC) - INTERVAL


async def sweep(database: Database, store: FileStore) -> int:
    """Delete expired uploads and content without a row. Return the number of deleted contents.

    Several processes may call this function at the same time.
    """
    now = datetime.now(UTC)
    async with database.transaction() as unit:
        await PendingUploadRepository(unit, EVERYTHING).delete_expired(now)
    deleted = await store.delete_staged(before=now - MIN_AGE)
    async for keys in _old_keys(store, FILES, now):
        async with database.reading() as unit:
            known = await StoredFileRepository(unit, EVERYTHING).existing_keys(keys)
        deleted += await _delete(store, set(keys) - known)
    async for keys in _old_keys(store, INCOMING, now):
        ids = {UUID(key.rpartition("/")[2]): key for key in keys}
        async with database.reading() as unit:
            pending = await PendingUploadRepository(unit, EVERYTHING).existing_ids(list(ids))
        deleted += await _delete(store, {key for id_, key in ids.items() if id_ not in pending})
    await store.write(LAST_SWEEP, _nothing())
    return deleted


async def _nothing() -> AsyncGenerator[bytes]:
    yield b""


async def _old_keys(store: FileStore, prefix: str, now: datetime) -> AsyncGenerator[list[str]]:
    async for batch in store.list(prefix):
        yield [stored.key for stored in batch if stored.modified_at < now - MIN_AGE]


async def _delete(store: FileStore, keys: set[str]) -> int:
    for key in keys:
        await store.delete(key)
    return len(keys)
