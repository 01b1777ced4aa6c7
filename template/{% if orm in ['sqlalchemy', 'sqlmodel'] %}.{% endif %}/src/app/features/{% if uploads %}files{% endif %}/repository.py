from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select

from app.core.database.changes import Resource
from app.core.database.models import Entity
from app.core.database.repository import BaseRepository
from app.features.files.exceptions import StoredFileNotFoundError
from app.features.files.models import PendingUpload, StoredFile
from app.features.files.schemas import FileListParams, FileResponse
from app.features.files.usage import Usage
from app.shared.pagination import Page


class _SizedRepository[Model: Entity](BaseRepository[Model]):
    async def usage(self) -> Usage:
        """Return the number and the total size of the rows in the scope."""
        total = func.coalesce(func.sum(self._table.size), 0)
        statement = select(func.count().label("count"), total.label("size"))
        rows = await self._session.execute(statement.where(*self._conditions()))
        row = rows.mappings().one()
        return Usage(row["count"], int(row["size"]))


class StoredFileRepository(_SizedRepository[StoredFile]):
    model = StoredFile
    not_found = StoredFileNotFoundError
    resource = Resource("files", FileResponse, is_cached=False)

    async def search(self, params: FileListParams) -> Page[StoredFile]:
        """Return a page of the files whose name contains `params.q`, ignoring case."""
        where = [self._table.filename.icontains(params.q, autoescape=True)] if params.q else []
        return await self.page(params, params.order, *where)

    async def existing_keys(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that belong to a file."""
        statement = select(self._table.key).where(self._table.key.in_(keys))
        rows = await self._session.execute(statement.where(*self._conditions()))
        return set(rows.scalars())


class PendingUploadRepository(_SizedRepository[PendingUpload]):
    model = PendingUpload
    not_found = StoredFileNotFoundError

    async def existing_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the ids that belong to a pending upload."""
        statement = select(self._table.id).where(self._table.id.in_(ids))
        rows = await self._session.execute(statement.where(*self._conditions()))
        return set(rows.scalars())

    async def delete_expired(self, now: datetime) -> None:
        statement = delete(self.model).where(self._table.expires_at < now)
        await self._session.execute(statement.where(*self._conditions()))
