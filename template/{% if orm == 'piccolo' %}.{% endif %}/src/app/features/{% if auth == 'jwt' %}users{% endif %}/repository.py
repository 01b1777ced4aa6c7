from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from piccolo.query import Select

from app.core.database.changes import Resource
from app.core.database.queries import containing, sql_of
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
    columns = (User.email, User.name, User.role, User.is_active, User.created_at)
    conflicts: ClassVar[Conflicts] = {"users_email_key": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """Return the user with this e-mail address.

        The caller must normalize the address with `normalize_email`.
        """
        return await self._session.run(User.objects().where(User.email == email).first())

    async def search(self, params: UserListParams) -> Page[User]:
        """Return a page of the users whose e-mail address contains `params.q`, ignoring case."""
        where = [containing(User.email, params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """Return the user's role, or None if the user does not exist or is inactive."""
        sql = cached_sql("active_role", lambda: sql_of(self._active(user_id)))
        return await self._role(sql, user_id)

    async def lock_against_deletion(self, user_id: UUID) -> Role | None:
        """Lock the user's row against deletion, and return the same result as `active_role`.

        The row lock lasts until the transaction ends.
        """
        sql = cached_sql(
            "lock_against_deletion", lambda: sql_of(self._active(user_id).lock_rows("KEY SHARE"))
        )
        return await self._role(sql, user_id)

    def _active(self, user_id: UUID) -> Select[User]:
        return User.select(User.role).where(User.id == user_id, User.is_active.eq(True))

    async def _role(self, sql: str, user_id: UUID) -> Role | None:
        rows = await self._session.fetch(sql, user_id, True)
        return Role(rows[0]["role"]) if rows else None

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """Lock the user's row until the transaction ends, and return the user.

        Other transactions that call `lock` for the user, or that update or delete the row, wait
        until this transaction ends. Returns None if the user does not exist or does not have the
        given column values.

        A transaction that issues, uses or revokes refresh tokens first locks the user's row.
        Transactions that change the tokens of one user therefore run one after another and cannot
        deadlock.
        """
        return await self._session.run(
            User.objects()
            .where(*self._equal({"id": user_id, **columns}))
            .lock_rows("NO KEY UPDATE")
            .first()
        )

    async def lock_admins(self) -> list[UUID]:
        """Lock the rows of all active admins until the transaction ends, and return their ids.

        No other transaction can demote, deactivate or delete an admin whose row is locked.
        """
        return await self._session.run(
            User.select(User.id)
            .where(User.role == Role.ADMIN, User.is_active.eq(True))
            .order_by(User.id)
            .lock_rows("NO KEY UPDATE")
            .output(as_list=True)
        )


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, token_hash: str) -> UUID | None:
        """Return the id of the token's user, or None if the token is unknown or revoked."""
        user_ids = await self._session.run(
            RefreshToken.select(RefreshToken.user_id)
            .where(RefreshToken.token_hash == token_hash)
            .output(as_list=True)
        )
        return user_ids[0] if user_ids else None

    async def spend(self, token_hash: str) -> UUID | None:
        """Mark the refresh token as spent, and return the id of its token family.

        Returns None if the token is unknown, expired or already spent. If several calls use the
        same token concurrently, only one of them returns the id of the token family.
        """
        now = datetime.now(UTC)
        spent = await self._session.run(
            RefreshToken.update({RefreshToken.spent_at: now})
            .where(
                RefreshToken.token_hash == token_hash,
                RefreshToken.spent_at.is_null(),
                RefreshToken.expires_at > now,
            )
            .returning(RefreshToken.family_id)
        )
        return spent[0]["family_id"] if spent else None

    async def revoke_family(self, token_hash: str) -> bool:
        """Delete all refresh tokens of the token's family, and return whether any existed."""
        family = RefreshToken.select(RefreshToken.family_id).where(
            RefreshToken.token_hash == token_hash
        )
        revoked = await self._session.run(
            RefreshToken.delete()
            .where(RefreshToken.family_id.is_in(family))
            .returning(RefreshToken.id)
        )
        return bool(revoked)

    async def revoke_all(self, user_id: UUID) -> None:
        await self._session.run(RefreshToken.delete().where(RefreshToken.user_id == user_id))

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Delete the expired refresh tokens of one user, or of all users if `user_id` is None."""
        query = RefreshToken.delete().where(RefreshToken.expires_at < datetime.now(UTC))
        if user_id:
            query = query.where(RefreshToken.user_id == user_id)
        await self._session.run(query)
