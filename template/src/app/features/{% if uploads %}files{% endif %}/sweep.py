"""Deletes content that belongs to no file, and uploads that were never completed."""

import re
from collections.abc import AsyncGenerator, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core.database import EVERYTHING, Database
from app.core.files import FILES, INCOMING, FileStore
from app.features.files.exceptions import SweepRefusedError
from app.features.files.repository import PendingUploadRepository, StoredFileRepository

INTERVAL = timedelta(hours=1)
"""Time between two sweeps."""

MIN_AGE = timedelta(hours=1)
"""Minimum age of deleted content. Newer content may belong to an upload that is in progress."""

MAX_UNKNOWN = 100
"""Maximum number of keys in a batch that are deleted before any key with a row was found.

A larger number of keys without rows probably belongs to another database.
"""

LAST_SWEEP = "last-sweep"
"""Key of an empty object that is written after each sweep."""

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def is_due(store: FileStore) -> bool:
    """Return whether no process has swept the store for an hour."""
    try:
        last = await store.head(LAST_SWEEP)
    except FileNotFoundError:
        return True
    return last.modified_at < datetime.now(UTC) - INTERVAL


async def sweep(database: Database, store: FileStore, *, force: bool = False) -> int:
    """Delete expired uploads and content without a row. Return the number of deleted contents.

    Several processes may call this function at the same time. Raises `SweepRefusedError` if the
    store seems to belong to another database, unless `force` is true.
    """
    now = datetime.now(UTC)
    async with database.transaction() as unit:
        await PendingUploadRepository(unit, EVERYTHING).delete_expired(now)
    deleted = await store.delete_staged(before=now - MIN_AGE)
    is_known_database = force
    async for keys in _old_keys(store, FILES, now):
        async with database.reading() as unit:
            known = await StoredFileRepository(unit, EVERYTHING).existing_keys(keys)
        is_known_database = is_known_database or bool(known)
        if not is_known_database and len(keys) > MAX_UNKNOWN:
            raise SweepRefusedError(len(keys))
        deleted += await _delete(store, (key for key in keys if key not in known))
    async for keys in _old_keys(store, INCOMING, now):
        ids = [_upload_id(key) for key in keys]
        async with database.reading() as unit:
            pending = await PendingUploadRepository(unit, EVERYTHING).existing_ids(ids)
        deleted += await _delete(store, (key for key in keys if _upload_id(key) not in pending))
    await store.write(LAST_SWEEP, _nothing())
    return deleted


async def _old_keys(store: FileStore, prefix: str, now: datetime) -> AsyncGenerator[list[str]]:
    """Yield the keys of old content in batches, without keys that this service did not create."""
    async for batch in store.list(prefix):
        old = (stored.key for stored in batch if stored.modified_at < now - MIN_AGE)
        if keys := [key for key in old if ID.fullmatch(key.rpartition("/")[2])]:
            yield keys


def _upload_id(key: str) -> UUID:
    return UUID(key.rpartition("/")[2])


async def _delete(store: FileStore, keys: Iterable[str]) -> int:
    deleted = 0
    for key in keys:
        await store.delete(key)
        deleted += 1
    return deleted


async def _nothing() -> AsyncGenerator[bytes]:
    yield b""
