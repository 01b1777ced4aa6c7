from datetime import UTC, datetime
from typing import ClassVar, Literal
from uuid import UUID

from tortoise.expressions import Q, Subquery
from tortoise.queryset import ValuesQuery

from app.core.database.repository import BaseRepository, Conflicts
from app.core.security import Role
from app.features.users.exceptions import EmailTakenError, UserNotFoundError
from app.features.users.models import RefreshToken, User
from app.features.users.schemas import UserListParams
from app.shared.pagination import Page


class UserRepository(BaseRepository[User]):
    """Accounts. Creating one raises `EmailTakenError`."""

    model = User
    not_found = UserNotFoundError
    # Without the password's hash.
    columns = ("email", "name", "role", "is_active", "created_at")
    conflicts: ClassVar[Conflicts] = {"users_email_key": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """The user of a normalised address; see `normalize_email`."""
        return await self._rows(email=email).first()

    async def search(self, params: UserListParams) -> Page[User]:
        """A page of the users whose address contains `params.q`, in any case."""
        where = [Q(email__icontains=params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """The role of the user; None where there is none, or it is not active."""
        rows = await self._active(user_id)
        return Role(rows[0]["role"]) if rows else None

    async def protect(self, user_id: UUID) -> Role | None:
        """Like `active_role`; and no other transaction deletes the user before this one ends."""
        client = self._session.client
        if not client.capabilities.support_for_update:
            # A database without row locks has one transaction that writes at a time.
            return await self.active_role(user_id)
        # Tortoise has only the stronger locks, under which the requests of a user would queue.
        statement = f"{self._active(user_id).sql()} FOR KEY SHARE"
        rows = await client.execute_query_dict(statement, [user_id, True])
        return Role(rows[0]["role"]) if rows else None

    def _active(self, user_id: UUID) -> ValuesQuery[Literal[False]]:
        return self._rows(id=user_id, is_active=True).values("role")

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """The user, whom no other transaction locks, changes or deletes before this one ends.

        None where the user is gone, or has another value in one of the columns.

        Whatever issues, spends or revokes refresh tokens locks their user first. So these
        transactions run one after the other, and cannot deadlock.
        """
        return await self._rows(id=user_id, **columns).select_for_update(no_key=True).first()

    async def lock_admins(self) -> list[UUID]:
        """The active admins, none of whom can cease to be one before this transaction ends."""
        admins = self._rows(role=Role.ADMIN, is_active=True).order_by("id").only("id")
        return [admin.id for admin in await admins.select_for_update(no_key=True)]


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, token_hash: str) -> UUID | None:
        """The id of the user who was given the token; None for an unknown or revoked one."""
        token = await self._rows(token_hash=token_hash).only("user_id").first()
        return token.user_id if token else None

    async def spend(self, token_hash: str) -> UUID | None:
        """The token's family, to the first who asks; None for an unknown, spent or expired one."""
        now = datetime.now(UTC)
        unspent = self._rows(token_hash=token_hash, spent_at=None, expires_at__gt=now)
        if not await unspent.update(spent_at=now):
            return None
        token = await self._rows(token_hash=token_hash).get()
        return token.family_id

    async def revoke_family(self, token_hash: str) -> bool:
        """Whether there was anything to revoke."""
        family = self._rows(token_hash=token_hash).values("family_id")
        return bool(await self._rows(family_id__in=Subquery(family)).delete())

    async def revoke_all(self, user_id: UUID) -> None:
        await self._rows(user_id=user_id).delete()

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Those of one user, or of all."""
        owner = {"user_id": user_id} if user_id else {}
        await self._rows(expires_at__lt=datetime.now(UTC), **owner).delete()
