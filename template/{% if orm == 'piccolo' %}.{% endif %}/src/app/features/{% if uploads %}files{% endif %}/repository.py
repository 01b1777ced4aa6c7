from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from piccolo.query.functions import Count, Sum

from app.core.database.changes import Resource
from app.core.database.queries import containing
from app.core.database.repository import BaseRepository
from app.features.files.exceptions import StoredFileNotFoundError
from app.features.files.models import PendingUpload, StoredFile
from app.features.files.schemas import FileListParams, FileResponse
from app.features.files.usage import Usage
from app.shared.pagination import Page


class _SizedRepository[Model: (StoredFile, PendingUpload)](BaseRepository[Model]):
    async def usage(self) -> Usage:
        """Return the number and the total size of the rows in the scope."""
        totals = self.model.select(Count(), Sum(self.model.size, alias="total"))
        [row] = await self._session.run(totals.where(*self._conditions()))
        return Usage(row["count"], int(row["total"] or 0))


class StoredFileRepository(_SizedRepository[StoredFile]):
    model = StoredFile
    not_found = StoredFileNotFoundError
    resource = Resource("files", FileResponse, is_cached=False)

    async def search(self, params: FileListParams) -> Page[StoredFile]:
        """Return a page of the files whose name contains `params.q`, ignoring case."""
        where = [containing(StoredFile.filename, params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def existing_keys(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that belong to a file."""
        query = StoredFile.select(StoredFile.key).output(as_list=True)
        known = StoredFile.key.is_in(list(keys))
        return set(await self._session.run(query.where(known, *self._conditions())))


class PendingUploadRepository(_SizedRepository[PendingUpload]):
    model = PendingUpload
    not_found = StoredFileNotFoundError

    async def existing_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the ids that belong to a pending upload."""
        query = PendingUpload.select(PendingUpload.id).output(as_list=True)
        known = PendingUpload.id.is_in(list(ids))
        return set(await self._session.run(query.where(known, *self._conditions())))

    async def delete_expired(self, now: datetime) -> None:
        expired = PendingUpload.expires_at < now
        await self._session.run(PendingUpload.delete().where(expired, *self._conditions()))
