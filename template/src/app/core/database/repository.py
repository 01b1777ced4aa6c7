"""The base class of all repositories. This module contains no ORM-specific code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from app.core.database.changes import Change, Kind, Resource
from app.core.database.engine import violated_constraint
from app.core.database.models import Entity
from app.core.database.queries import Condition, Queries
from app.core.database.scope import OWNER, Scope
from app.core.database.unit import UnitOfWork
from app.core.errors import ConflictError, NotFoundError
from app.shared.filters import Sort
from app.shared.pagination import Cursor, Feed, FeedParams, Page, PageParams

type Conflicts = Mapping[str, Callable[[], ConflictError]]


class BaseRepository[Model: Entity](Queries[Model]):
    """Data access for one model, restricted to the rows that a `Scope` includes.

    `get_or_raise`, `update` and `delete` raise `not_found` if no row in the scope has the given id.
    """

    not_found: Callable[[UUID], NotFoundError]
    resource: ClassVar[Resource | None] = None
    """The resource whose name identifies the model in change events and cache keys.

    If `resource` is None, no change events are published and no rows are cached.
    """

    conflicts: ClassVar[Conflicts] = {}
    """Maps constraint names to the errors that are raised if the constraints are violated."""

    def __init__(self, unit: UnitOfWork, scope: Scope) -> None:
        columns = scope.columns.items()
        self._stamp: dict[str, Any] = {
            name: value for name, value in columns if self.has_column(name)
        }
        super().__init__(unit.session, {} if scope.sees_all else self._stamp)
        self._unit = unit
        self._sees_all = scope.sees_all

    @property
    def owner_id(self) -> UUID | None:
        """The owner of the rows that this repository creates, or None if rows have no owner."""
        return self._stamp.get(OWNER)

    async def get(self, row_id: UUID) -> Model | None:
        resource = self.resource
        if self._unit.cache is None or resource is None or not self._may_cache(resource):
            return await self._find(self._filters, row_id)
        fields = await self._unit.cache.get(resource, row_id, lambda: self._find({}, row_id))
        if fields is None or any(fields[name] != value for name, value in self._filters.items()):
            return None
        return self._load(fields)

    async def get_or_raise(self, row_id: UUID) -> Model:
        return self._found(row_id, await self.get(row_id))

    async def page(self, params: PageParams, order: Sort, *where: Condition) -> Page[Model]:
        """Return one page of rows and the total number of rows.

        Rows with the same sort value are ordered by id, so that no row appears on two pages.
        """
        items, total = await self._page(order, params.offset, params.page_size, *where)
        return Page(items, total, params.page, params.page_size)

    async def feed(self, params: FeedParams) -> Feed[Model]:
        """Return up to `params.limit` rows after the cursor, newest first.

        The table needs an index on `(created_at, id)`, because the query sorts by these columns.
        """
        # Fetch one extra row to find out whether there is another page.
        rows = await self._newest(params.after, params.limit + 1)
        items = rows[: params.limit]
        more = len(rows) > len(items)
        return Feed(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)

    async def create(self, values: Mapping[str, Any]) -> Model:
        with self._conflicts():
            row = await self._insert({**values, **self._stamp})
        self._record("created", row)
        return row

    async def update(self, row_id: UUID, values: Mapping[str, Any]) -> Model:
        """Set the columns in `values` and return the row. If `values` is empty, change nothing."""
        if not values:
            return self._found(row_id, await self._find(self._filters, row_id))
        with self._conflicts():
            row = self._found(row_id, await self._update(row_id, values))
        self._record("updated", row)
        return row

    async def delete(self, row_id: UUID) -> Model:
        with self._conflicts():
            row = self._found(row_id, await self._delete(row_id))
        self._record("deleted", row)
        return row

    def _may_cache(self, resource: Resource) -> bool:
        """Return whether `get` may read rows from the cache.

        The cache stores only the fields of the resource's schema. Therefore, the scope can check a
        cached row only if the schema contains every column by which the scope filters rows.

        ON DELETE CASCADE deletes the rows of a deleted owner without invalidating the cache, so the
        cache may still contain these rows. If the model has an owner column, a repository that is
        not restricted to one owner therefore always reads from the database.
        """
        if not resource.is_cached or (self._sees_all and self.has_column(OWNER)):
            return False
        return self._filters.keys() <= resource.schema.model_fields.keys()

    def _found(self, row_id: UUID, row: Model | None) -> Model:
        if row is None:
            raise self.not_found(row_id)
        return row

    def _record(self, kind: Kind, row: Model) -> None:
        if self.resource:
            self._unit.changes.append(Change(kind, self.resource, row))

    @contextmanager
    def _conflicts(self) -> Iterator[None]:
        """Raise a `ConflictError` if a unique, foreign key or exclusion constraint is violated.

        No query checks for conflicts before the write, because such a query could not see the
        uncommitted rows of concurrent transactions. A violated CHECK constraint raises a
        `ConflictError` only if `conflicts` contains the constraint's name. Otherwise, the database
        error is raised unchanged, because the violation is a bug: request validation should have
        rejected the value.
        """
        try:
            yield
        except Exception as exc:
            constraint = violated_constraint(exc, self.conflicts)
            if constraint is None:
                raise
            error = self.conflicts.get(constraint, ConflictError)
            raise error() from exc
