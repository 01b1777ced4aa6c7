from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import col

from app.core.database.changes import Resource
from app.core.database.repository import BaseRepository, Conflicts
from app.core.security import Role
from app.features.users.exceptions import EmailTakenError, UserNotFoundError
from app.features.users.models import RefreshToken, User
from app.features.users.schemas import UserListParams, UserResponse
from app.shared.pagination import Page

# Every authenticated request executes one of these queries, so both are built only once.
# The query `ACTIVE` reads the role of an active user without locking the user's row.
# The query `PROTECTED`, for requests that write, reads the role and locks the user's row.
ACTIVE = select(col(User.role)).where(col(User.id) == bindparam("id"), col(User.is_active))
PROTECTED = ACTIVE.with_for_update(read=True, key_share=True)


class UserRepository(BaseRepository[User]):
    """Stores user accounts. A duplicate e-mail address raises `EmailTakenError`."""

    model = User
    not_found = UserNotFoundError
    resource = Resource("users", UserResponse, is_public=False, is_cached=False)
    # List queries do not load the password hash.
    columns = (User.email, User.name, User.role, User.is_active, User.created_at)
    conflicts: ClassVar[Conflicts] = {"uq_users_email": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """Return the user with this e-mail address.

        The caller must normalize the address with `normalize_email`.
        """
        return await self._one(self._select().where(col(User.email) == email))

    async def search(self, params: UserListParams) -> Page[User]:
        """Return a page of the users whose e-mail address contains `params.q`, ignoring case."""
        where = [col(User.email).icontains(params.q, autoescape=True)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """Return the user's role, or None if the user does not exist or is inactive."""
        role = (await self._session.execute(ACTIVE, {"id": user_id})).scalar_one_or_none()
        return Role(role) if role else None

    async def lock_against_deletion(self, user_id: UUID) -> Role | None:
        """Lock the user's row against deletion, and return the same result as `active_role`.

        The row lock lasts until the transaction ends.
        """
        role = (await self._session.execute(PROTECTED, {"id": user_id})).scalar_one_or_none()
        return Role(role) if role else None

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """Lock the user's row until the transaction ends, and return the user.

        Other transactions that call `lock` for the user, or that update or delete the row, wait
        until this transaction ends. Returns None if the user does not exist or does not have the
        given column values.

        A transaction that issues, uses or revokes refresh tokens first locks the user's row.
        Transactions that change the tokens of one user therefore run one after another and cannot
        deadlock.
        """
        return await self._one(
            self._select()
            .where(col(User.id) == user_id)
            .filter_by(**columns)
            .with_for_update(key_share=True)
        )

    async def lock_admins(self) -> list[UUID]:
        """Lock the rows of all active admins until the transaction ends, and return their ids.

        No other transaction can demote, deactivate or delete an admin whose row is locked.
        """
        admins = await self._session.execute(
            select(col(User.id))
            .where(col(User.role) == Role.ADMIN, col(User.is_active))
            .order_by(col(User.id))
            .with_for_update(key_share=True)
        )
        return list(admins.scalars())


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, token_hash: str) -> UUID | None:
        """Return the id of the token's user, or None if the token is unknown or revoked."""
        users = await self._session.execute(
            select(col(RefreshToken.user_id)).where(col(RefreshToken.token_hash) == token_hash)
        )
        return users.scalar_one_or_none()

    async def spend(self, token_hash: str) -> UUID | None:
        """Mark the refresh token as spent, and return the id of its token family.

        Returns None if the token is unknown, expired or already spent. If several calls use the
        same token concurrently, only one of them returns the id of the token family.
        """
        now = datetime.now(UTC)
        families = await self._session.execute(
            update(RefreshToken)
            .where(
                col(RefreshToken.token_hash) == token_hash,
                col(RefreshToken.spent_at).is_(None),
                col(RefreshToken.expires_at) > now,
            )
            .values(spent_at=now)
            .returning(col(RefreshToken.family_id))
        )
        return families.scalar_one_or_none()

    async def revoke_family(self, token_hash: str) -> bool:
        """Delete all refresh tokens of the token's family, and return whether any existed."""
        family = select(col(RefreshToken.family_id)).where(
            col(RefreshToken.token_hash) == token_hash
        )
        revoked = await self._session.execute(
            delete(RefreshToken).where(col(RefreshToken.family_id).in_(family.scalar_subquery()))
        )
        return revoked.rowcount > 0

    async def revoke_all(self, user_id: UUID) -> None:
        await self._session.execute(
            delete(RefreshToken).where(col(RefreshToken.user_id) == user_id)
        )

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Delete the expired refresh tokens of one user, or of all users if `user_id` is None."""
        statement = delete(RefreshToken).where(col(RefreshToken.expires_at) < datetime.now(UTC))
        if user_id:
            statement = statement.where(col(RefreshToken.user_id) == user_id)
        await self._session.execute(statement)
