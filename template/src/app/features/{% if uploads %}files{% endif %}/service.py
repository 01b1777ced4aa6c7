from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.config import Settings
from app.core.database import Database, Scope, UnitOfWork
from app.core.database.scope import OWNER
from app.core.errors import AppError, ServiceUnavailableError
from app.core.files import FILES, INCOMING, FileStore
from app.core.ids import uuid7
from app.core.logging import get_logger
from app.features.files.exceptions import (
    FileLimitError,
    FileSizeError,
    FileTooLargeError,
    FileTypeError,
    NothingUploadedError,
    PresignUnavailableError,
    StoredFileNotFoundError,
)
from app.features.files.inspection import InspectedContent
from app.features.files.models import PendingUpload, StoredFile
from app.features.files.repository import PendingUploadRepository, StoredFileRepository
from app.features.files.schemas import FileListParams, PresignRequest
from app.shared.pagination import Page

logger = get_logger(__name__)

UPLOAD_WINDOW = timedelta(hours=1)
"""Time that a client has for a presigned upload, including the call that completes it."""


type LockOwner = Callable[[UnitOfWork], Awaitable[object]]
"""Locks the owner in the transaction, or raises an error if the owner may no longer store files."""


class FileService:
    """Stores files. The content is in the file store, and a row in the database describes it.

    The content is stored before the row is inserted, and deleted after the row is deleted. After a
    crash, content without a row may therefore remain, but never a row without content. `sweep`
    deletes such content.

    Methods that take an id raise `StoredFileNotFoundError` if the scope contains no such file.
    """

    def __init__(
        self,
        database: Database,
        store: FileStore,
        settings: Settings,
        scope: Scope,
        lock_owner: LockOwner | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._scope = scope
        self._lock_owner = lock_owner

    async def upload(self, filename: str, content: AsyncIterable[bytes]) -> StoredFile:
        """Store a file. No database connection is used while the client sends the content.

        Raises `FileTooLargeError`, `FileTypeError` or `FileLimitError`.
        """
        async with self._database.reading() as unit:
            await self._check_limits(unit)
        key, inspected = self._new_key(), self._inspect(content)
        await self._store.write(key, inspected)
        return await self._insert(key, filename, inspected)

    async def list(self, params: FileListParams) -> Page[StoredFile]:
        async with self._database.reading() as unit:
            return await StoredFileRepository(unit, self._scope).search(params)

    async def get(self, file_id: UUID) -> StoredFile:
        async with self._database.reading() as unit:
            return await StoredFileRepository(unit, self._scope).get_or_raise(file_id)

    async def read(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """Open the file and return its bytes from `start` up to, but not including, `end`.

        Raises `ServiceUnavailableError` if the store has lost the content.
        """
        try:
            return await self._store.read(file.key, start, end)
        except FileNotFoundError as exc:
            await self.get(file.id)  # Raises if another request has deleted the file meanwhile.
            raise ServiceUnavailableError("The content of the file is unavailable.") from exc

    async def delete(self, file_id: UUID) -> None:
        """Delete the row, and after the commit the content."""
        async with self._database.transaction() as unit:
            file = await StoredFileRepository(unit, self._scope).delete(file_id)
            unit.after_commit(self._store.delete, file.key)
        logger.info("upload_delete", file_id=str(file_id))

    async def presign(self, data: PresignRequest) -> tuple[PendingUpload, str]:
        """Announce a file that the client will upload to the store, and return the URL for it.

        Raises `PresignUnavailableError`, `FileTooLargeError`, `FileTypeError` or `FileLimitError`.
        """
        if not self._store.can_presign:
            raise PresignUnavailableError
        if data.size > self._settings.upload_max_bytes:
            raise FileTooLargeError(self._settings.upload_max_bytes)
        if data.content_type not in self._settings.upload_allowed_types:
            raise FileTypeError(self._settings.upload_allowed_types)
        async with self._database.transaction() as unit:
            await self._check_limits(unit, data.size)
            pending = await PendingUploadRepository(unit, self._own).create(
                {**data.model_dump(), "expires_at": datetime.now(UTC) + UPLOAD_WINDOW}
            )
            url = await self._store.presign(self._incoming_key(pending.id), UPLOAD_WINDOW)
        return pending, url

    async def complete(self, upload_id: UUID) -> StoredFile:
        """Check the uploaded content, and turn the announced upload into a file.

        The client can write to the URL until it expires, so the content is copied to a new key
        first, and only the copy is checked. A call for a completed upload returns its file. Raises
        `NothingUploadedError`, `FileSizeError` or `FileTypeError`.
        """
        async with self._database.reading() as unit:
            file = await StoredFileRepository(unit, self._own).get(upload_id)
            if file:
                return file
            pending = await PendingUploadRepository(unit, self._own).get_or_raise(upload_id)
        if pending.expires_at < datetime.now(UTC):
            raise StoredFileNotFoundError(upload_id)
        key, incoming = self._new_key(), self._incoming_key(upload_id)
        try:
            inspected = await self._copy_and_check(pending, incoming, key)
        except (FileNotFoundError, FileSizeError, FileTooLargeError, FileTypeError) as exc:
            # A concurrent call may have completed the upload and deleted the incoming content.
            async with self._database.reading() as unit:
                file = await StoredFileRepository(unit, self._own).get(upload_id)
            if file:
                await self._store.delete(key)
                return file
            if isinstance(exc, FileNotFoundError):
                raise NothingUploadedError from exc
            await self._discard(upload_id, key, incoming)
            raise
        try:
            return await self._insert(key, pending.filename, inspected, pending)
        except StoredFileNotFoundError:  # A concurrent call has completed the same upload.
            return await self.get(upload_id)

    async def _copy_and_check(
        self, pending: PendingUpload, incoming: str, key: str
    ) -> InspectedContent:
        size = (await self._store.head(incoming)).size
        if size != pending.size:  # Do not copy content of any other size.
            raise FileSizeError(pending.size, size)
        await self._store.copy(incoming, key)
        inspected = self._inspect(await self._store.read(key))
        async for _chunk in inspected:
            pass
        if inspected.size != pending.size:
            raise FileSizeError(pending.size, inspected.size)
        if inspected.content_type != pending.content_type:
            raise FileTypeError([pending.content_type])
        return inspected

    async def _insert(
        self,
        key: str,
        filename: str,
        inspected: InspectedContent,
        pending: PendingUpload | None = None,
    ) -> StoredFile:
        """Insert the row of a file whose content is stored. End the pending upload, if any.

        If the row is rejected, the content is deleted. If it is unknown whether the transaction was
        committed, the content remains, because the row may exist.
        """
        values = {
            "key": key,
            "filename": filename,
            "content_type": inspected.content_type,
            "size": inspected.size,
            "sha256": inspected.sha256,
        }
        try:
            async with self._database.transaction() as unit:
                if self._lock_owner:
                    await self._lock_owner(unit)
                if pending:
                    values["id"] = pending.id
                    await PendingUploadRepository(unit, self._own).delete(pending.id)
                    unit.after_commit(self._store.delete, self._incoming_key(pending.id))
                await self._check_limits(unit, inspected.size)
                return await StoredFileRepository(unit, self._own).create(values)
        except AppError as exc:
            if exc.status_code < 500:
                await self._store.delete(key)
            raise

    async def _discard(self, upload_id: UUID, *keys: str) -> None:
        """Delete a pending upload and the given content."""
        with suppress(StoredFileNotFoundError):
            async with self._database.transaction() as unit:
                await PendingUploadRepository(unit, self._own).delete(upload_id)
        for key in keys:
            await self._store.delete(key)

    async def _check_limits(self, unit: UnitOfWork, size: int = 1) -> None:
        """Raise `FileLimitError` if the owner cannot store another file of `size` bytes.

        Uploads that end at the same time do not see each other, so together they may exceed a limit
        by their own sizes.
        """
        max_files = self._settings.upload_max_files
        max_bytes = self._settings.upload_max_total_bytes
        files = await StoredFileRepository(unit, self._own).usage()
        pending = await PendingUploadRepository(unit, self._own).usage()
        too_many = files.count + pending.count >= max_files
        if too_many or files.size + pending.size + size > max_bytes:
            raise FileLimitError(max_files, max_bytes)

    def _inspect(self, content: AsyncIterable[bytes]) -> InspectedContent:
        return InspectedContent(
            content,
            max_bytes=self._settings.upload_max_bytes,
            allowed_types=self._settings.upload_allowed_types,
        )

    @property
    def _own(self) -> Scope:
        """The scope without the files of other owners, also for admins."""
        return replace(self._scope, sees_all=False)

    @property
    def _folder(self) -> str:
        """The part of each key that contains the owner's id, if the service has user accounts."""
        owner = self._scope.columns.get(OWNER)
        return f"{owner}/" if owner else ""

    def _new_key(self) -> str:
        return f"{FILES}/{self._folder}{uuid7()}"

    def _incoming_key(self, upload_id: UUID) -> str:
        return f"{INCOMING}/{self._folder}{upload_id}"
