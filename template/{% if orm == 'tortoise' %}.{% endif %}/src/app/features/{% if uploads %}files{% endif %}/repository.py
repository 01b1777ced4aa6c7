from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q
from tortoise.functions import Count, Sum

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
        totals = self._rows().annotate(count=Count("id"), total=Sum("size"))
        [row] = await totals.values("count", "total")
        return Usage(row["count"], int(row["total"] or 0))


class StoredFileRepository(_SizedRepository[StoredFile]):
    model = StoredFile
    not_found = StoredFileNotFoundError
    resource = Resource("files", FileResponse, is_cached=False)

    async def search(self, params: FileListParams) -> Page[StoredFile]:
        """Return a page of the files whose name contains `params.q`, ignoring case."""
        where = [Q(filename__icontains=params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def existing_keys(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that belong to a file."""
        return {row.key for row in await self._rows(key__in=keys).only("key")}


class PendingUploadRepository(_SizedRepository[PendingUpload]):
    model = PendingUpload
    not_found = StoredFileNotFoundError

    async def existing_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the ids that belong to a pending upload."""
        return {row.id for row in await self._rows(id__in=ids).only("id")}

    async def delete_expired(self, now: datetime) -> None:
        await self._rows(expires_at__lt=now).delete()
