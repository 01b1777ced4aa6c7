from datetime import UTC, datetime
from typing import ClassVar, Literal
from uuid import UUID

from tortoise.expressions import Q, Subquery
from tortoise.queryset import ValuesQuery

from app.core.database.changes import Resource
from app.core.database.repository import BaseRepository, Conflicts
from app.core.database.sql_cache import cached_sql
from app.core.security import Role
from app.features.users.exceptions import EmailTakenError, UserNotFoundError
from app.features.users.models import RefreshToken, User
from app.features.users.schemas import UserListParams, UserResponse
from app.shared.pagination import Page


class UserRepository(BaseRepository[User]):
    """Stores user accounts. A duplicate e-mail address raises `EmailTakenError`."""

    model = User
    not_found = UserNotFoundError
    resource = Resource("users", UserResponse, is_public=False, is_cached=False)
    # List queries do not load the password hash.
    columns = ("email", "name", "role", "is_active", "created_at")
    conflicts: ClassVar[Conflicts] = {"users_email_key": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """Return the user with this e-mail address.

        The caller must normalize the address with `normalize_email`.
        """
        return await self._rows(email=email).first()

    async def search(self, params: UserListParams) -> Page[User]:
        """Return a page of the users whose e-mail address contains `params.q`, ignoring case."""
        where = [Q(email__icontains=params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """Return the user's role, or None if the user does not exist or is inactive."""
        sql = cached_sql("active_role", lambda: self._active(user_id).sql())
        return await self._role(sql, user_id)

    async def lock_against_deletion(self, user_id: UUID) -> Role | None:
        """Lock the user's row against deletion, and return the same result as `active_role`.

        The row lock lasts until the transaction ends.
        """
        if not self._session.client.capabilities.support_for_update:
            # A database without row locks allows only one writing transaction at a time.
            return await self.active_role(user_id)
        # Two requests of one user can hold FOR KEY SHARE locks on the user's row at the same time.
        # Tortoise supports only stronger locks, which only one transaction at a time can hold.
        sql = cached_sql(
            "lock_against_deletion", lambda: f"{self._active(user_id).sql()} FOR KEY SHARE"
        )
        return await self._role(sql, user_id)

    async def _role(self, sql: str, user_id: UUID) -> Role | None:
        values = self._arguments({"id": user_id, "is_active": True})
        rows = await self._session.client.execute_query_dict(sql, values)
        return Role(rows[0]["role"]) if rows else None

    def _active(self, user_id: UUID) -> ValuesQuery[Literal[False]]:
        return self._rows(id=user_id, is_active=True).values("role")

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """Lock the user's row until the transaction ends, and return the user.

        Other transactions that call `lock` for the user, or that update or delete the row, wait
        until this transaction ends. Returns None if the user does not exist or does not have the
        given column values.

        A transaction that issues, uses or revokes refresh tokens first locks the user's row.
        Transactions that change the tokens of one user therefore run one after another and cannot
        deadlock.
        """
        return await self._rows(id=user_id, **columns).select_for_update(no_key=True).first()

    async def lock_admins(self) -> list[UUID]:
        """Lock the rows of all active admins until the transaction ends, and return their ids.

        No other transaction can demote, deactivate or delete an admin whose row is locked.
        """
        admins = self._rows(role=Role.ADMIN, is_active=True).order_by("id").only("id")
        return [admin.id for admin in await admins.select_for_update(no_key=True)]


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, token_hash: str) -> UUID | None:
        """Return the id of the token's user, or None if the token is unknown or revoked."""
        token = await self._rows(token_hash=token_hash).only("user_id").first()
        return token.user_id if token else None

    async def spend(self, token_hash: str) -> UUID | None:
        """Mark the refresh token as spent, and return the id of its token family.

        Returns None if the token is unknown, expired or already spent. If several calls use the
        same token concurrently, only one of them returns the id of the token family.
        """
        now = datetime.now(UTC)
        unspent = self._rows(token_hash=token_hash, spent_at=None, expires_at__gt=now)
        if not await unspent.update(spent_at=now):
            return None
        token = await self._rows(token_hash=token_hash).get()
        return token.family_id

    async def revoke_family(self, token_hash: str) -> bool:
        """Delete all refresh tokens of the token's family, and return whether any existed."""
        family = self._rows(token_hash=token_hash).values("family_id")
        return bool(await self._rows(family_id__in=Subquery(family)).delete())

    async def revoke_all(self, user_id: UUID) -> None:
        await self._rows(user_id=user_id).delete()

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Delete the expired refresh tokens of one user, or of all users if `user_id` is None."""
        owner = {"user_id": user_id} if user_id else {}
        await self._rows(expires_at__lt=datetime.now(UTC), **owner).delete()
