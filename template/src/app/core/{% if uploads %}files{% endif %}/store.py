"""The store that holds the content of files: a local folder or an S3-compatible bucket.

A key is the path of a file's content in the store. Keys consist of ids, and never contain text that
a client has sent.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from app.config import Settings
from app.core.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import S3Config

FILES = "files"
"""First part of the keys of complete files."""

INCOMING = "incoming"
"""First part of the keys to which clients upload directly. Such content is not checked yet."""

READ_BYTES = 256 * 1024
"""Minimum size of the chunks that `read` yields, except the last one."""

CONNECT_TIMEOUT = timedelta(seconds=2)
READ_TIMEOUT = timedelta(seconds=30)
RETRY_TIMEOUT = timedelta(seconds=6)
ANSWER_TIMEOUT = timedelta(seconds=8)
"""Maximum duration of a request to the store without the transfer of content, with all retries."""

PLATFORM_VARIABLES = frozenset(
    {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables by which ECS and EKS provide the credentials of a role."""


@dataclass(frozen=True)
class StoredObject:
    """The content of one key. `size` is in bytes."""

    key: str
    size: int
    modified_at: datetime


class FileStore:
    """Stores, reads and deletes the content of files. Content never has to fit into memory.

    Every method raises `ServiceUnavailableError` if the store is unavailable or full.
    """

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the bucket `S3_BUCKET` if it is set, or else the folder `UPLOAD_DIR`."""
        if settings.s3_bucket:
            return cls(_open_bucket(settings))
        folder = settings.upload_dir
        try:
            return cls(LocalStore(folder, mkdir=True, automatic_cleanup=True))
        except OSError as exc:
            raise OSError(f"UPLOAD_DIR: the folder {folder} cannot be created: {exc}") from exc

    @property
    def folder(self) -> Path | None:
        """The local folder, or None if the store is a bucket."""
        return self._store.prefix if isinstance(self._store, LocalStore) else None

    async def write(self, key: str, content: AsyncIterable[bytes]) -> None:
        """Store the content under a new key.

        The content appears in the store when it is complete. If the iterator or the store raises an
        error, or if the task is cancelled, nothing is stored.
        """
        with _unavailable(needs_key=False):
            # Parts are uploaded one after another, so that only one part is in memory.
            await obstore.put_async(self._store, key, content, max_concurrency=1)
            if self.folder:
                await asyncio.to_thread(_sync, self.folder / key, self.folder)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Open the content and return its bytes from `start` up to, but not including, `end`.

        Raises `FileNotFoundError` if the store does not contain the key.
        """
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        async with _answering():
            found = await obstore.get_async(self._store, key, options=options)
        return _chunks(found)

    async def head(self, key: str) -> StoredObject:
        """Return the size and the age. Raise `FileNotFoundError` if the key is not in the store."""
        async with _answering():
            return _stored(await obstore.head_async(self._store, key))

    async def copy(self, source: str, target: str) -> None:
        """Copy the content. Raise `FileNotFoundError` if `source` is not in the store."""
        with _unavailable():
            await obstore.copy_async(self._store, source, target)

    async def delete(self, key: str) -> None:
        """Delete the content. Do nothing if the key is not in the store."""
        with suppress(FileNotFoundError):
            async with _answering():
                await obstore.delete_async(self._store, key)

    async def list(self, prefix: str) -> AsyncGenerator[Sequence[StoredObject]]:
        """Yield all keys that begin with the prefix, in batches of up to 1000."""
        batches = aiter(obstore.list(self._store, prefix, chunk_size=1000))
        while True:
            async with _answering(needs_key=False):
                batch = await anext(batches, None)
            if not batch:
                return
            yield [_stored(found) for found in batch]

    async def ping(self) -> None:
        """Check that the store can be reached and, if it is a folder, that it can be written."""
        async with _answering(needs_key=False):
            if self.folder and not os.access(self.folder, os.W_OK):
                raise PermissionError(self.folder)
            await anext(aiter(obstore.list(self._store, FILES, chunk_size=1)), None)

    @property
    def can_presign(self) -> bool:
        """Whether clients can upload to the store directly, which only a bucket supports."""
        return isinstance(self._store, S3Store)

    async def presign(self, key: str, expires_in: timedelta) -> str:
        """Return a URL to which a client can upload the content of `key` with a PUT request."""
        assert isinstance(self._store, S3Store)  # noqa: S101 # callers check `can_presign`
        async with _answering():
            return await obstore.sign_async(self._store, "PUT", key, expires_in)

    async def delete_staged(self, before: datetime) -> int:
        """Delete incomplete content that was last written before the given time.

        In a local folder, `write` stores incomplete content in files whose names contain `#`. If
        the process is killed, such a file remains. Returns the number of deleted files.
        """
        if not self.folder:
            return 0
        with _unavailable(needs_key=False):
            return await asyncio.to_thread(_delete_staged, self.folder, before)


def _stored(found: ObjectMeta) -> StoredObject:
    return StoredObject(found["path"], found["size"], found["last_modified"])


async def _chunks(found: GetResult) -> AsyncGenerator[bytes]:
    with _unavailable():
        async for chunk in found.stream(min_chunk_size=READ_BYTES):
            yield chunk


def _open_bucket(settings: Settings) -> S3Store:
    endpoint = settings.s3_endpoint or ""
    config: S3Config = {"region": settings.aws_region, "virtual_hosted_style_request": False}
    if endpoint:
        config["endpoint"] = endpoint
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        config["access_key_id"] = settings.aws_access_key_id.get_secret_value()
        config["secret_access_key"] = settings.aws_secret_access_key.get_secret_value()
    with _hidden_variables():
        return S3Store(
            settings.s3_bucket,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": READ_TIMEOUT,
                # The default timeout of 30 seconds includes the time to read the whole response.
                "timeout": timedelta(days=1),
            },
            retry_config={"max_retries": 3, "retry_timeout": RETRY_TIMEOUT},
        )


@contextmanager
def _hidden_variables() -> Iterator[None]:
    """Hide all environment variables from obstore that could replace a setting of the service.

    When obstore opens a bucket, it reads all AWS_* variables. For example, AWS_ENDPOINT_URL_S3 has
    precedence over S3_ENDPOINT, and AWS_SESSION_TOKEN would be sent with AWS_ACCESS_KEY_ID. obstore
    prints the value of an invalid variable, which may be a secret, in an error message.
    """
    names = {name for name in os.environ if name.startswith("AWS_")} - PLATFORM_VARIABLES
    hidden = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(hidden)


@asynccontextmanager
async def _answering(*, needs_key: bool = True) -> AsyncGenerator[None]:
    """Like `_unavailable`, for a request that transfers no content and ends in `ANSWER_TIMEOUT`."""
    with _unavailable(needs_key=needs_key):
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            yield


@contextmanager
def _unavailable(*, needs_key: bool = True) -> Iterator[None]:
    """Raise `ServiceUnavailableError` if the store reports an error.

    If the operation needs a key that the store does not contain, `FileNotFoundError` is raised
    unchanged. If the operation needs no key, the bucket or the folder is missing.
    """
    try:
        yield
    except (BaseError, OSError) as exc:
        if needs_key and isinstance(exc, FileNotFoundError):
            raise
        message = "The file store is unavailable. Try again in a few seconds."
        raise ServiceUnavailableError(message) from exc


def _sync(path: Path, root: Path) -> None:
    """Write a file and its folders to disk, so that a power failure cannot lose the file.

    The database also writes committed rows to disk. Without this function, a row could remain after
    a power failure while the file's content is lost.
    """
    folders = [folder for folder in path.parents if folder.is_relative_to(root)]
    for entry in (path, *folders) if os.name == "posix" else (path,):
        descriptor = os.open(entry, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _delete_staged(folder: Path, before: datetime) -> int:
    deleted = 0
    for path in folder.rglob("*#*"):
        with suppress(FileNotFoundError):
            modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if path.is_file() and modified_at < before:
                path.unlink()
                deleted += 1
    return deleted
