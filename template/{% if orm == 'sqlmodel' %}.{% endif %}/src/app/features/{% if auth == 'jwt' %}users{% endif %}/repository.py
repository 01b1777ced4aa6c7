from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import col, delete, select, update

from app.core.repository import BaseRepository, Conflicts
from app.features.users.exceptions import EmailTakenError, UserNotFoundError
from app.features.users.models import RefreshToken, User
from app.features.users.schemas import UserListParams
from app.shared.pagination import Page


class UserRepository(BaseRepository[User]):
    """Accounts. Creating one raises `EmailTakenError`."""

    model = User
    not_found = UserNotFoundError
    # Without the password's hash.
    columns = (User.email, User.name, User.role, User.is_active, User.created_at)
    conflicts: ClassVar[Conflicts] = {"uq_users_email": EmailTakenError}
    # Built once, as every request that writes needs it.
    _protected = (
        select(User)
        .where(User.id == bindparam("id"))
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    )

    async def get_by_email(self, email: str) -> User | None:
        """The user of a normalised address; see `normalize_email`."""
        users = await self._session.exec(select(User).where(User.email == email))
        return users.one_or_none()

    async def search(self, params: UserListParams) -> Page[User]:
        """A page of the users whose address contains `params.q`, in any case."""
        where = [col(User.email).icontains(params.q, autoescape=True)] if params.q else []
        return await self.page(params, params.order, *where)

    async def lock_admins(self) -> list[UUID]:
        """The active admins, none of whom can cease to be one before this transaction ends."""
        admins = await self._session.exec(
            select(User.id)
            .where(User.role == "admin", col(User.is_active))
            .order_by(col(User.id))
            .with_for_update(key_share=True)
        )
        return list(admins)

    async def lock(self, user_id: UUID, **filters: object) -> User | None:
        """The user, whom no other transaction locks, changes or deletes before this one ends.

        Whatever issues, spends or revokes refresh tokens locks their user first. So these
        transactions run one after the other, and cannot deadlock.
        """
        users = await self._session.exec(
            select(User)
            .where(User.id == user_id, *self._equal(filters))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return users.one_or_none()

    async def protect(self, user_id: UUID) -> User | None:
        """The user, whom no other transaction deletes before this one ends."""
        users = await self._session.exec(self._protected, params={"id": user_id})
        return users.one_or_none()


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, fingerprint: str) -> UUID | None:
        """The id of the user who was given the token; None for an unknown or revoked one."""
        user_ids = await self._session.exec(
            select(RefreshToken.user_id).where(RefreshToken.fingerprint == fingerprint)
        )
        return user_ids.one_or_none()

    async def spend(self, fingerprint: str) -> UUID | None:
        """The token's family, to the first who asks; None for an unknown, spent or expired one."""
        now = datetime.now(UTC)
        spent = await self._session.exec(
            update(RefreshToken)
            .where(
                col(RefreshToken.fingerprint) == fingerprint,
                col(RefreshToken.spent_at).is_(None),
                col(RefreshToken.expires_at) > now,
            )
            .values(spent_at=now)
            .returning(col(RefreshToken.family_id))
        )
        return spent.scalar_one_or_none()

    async def revoke_family(self, fingerprint: str) -> bool:
        """Whether there was anything to revoke."""
        family = select(RefreshToken.family_id).where(RefreshToken.fingerprint == fingerprint)
        revoked = await self._session.exec(
            delete(RefreshToken)
            .where(col(RefreshToken.family_id).in_(family.scalar_subquery()))
            .returning(col(RefreshToken.id))
        )
        return bool(revoked.all())

    async def revoke_all(self, user_id: UUID) -> None:
        await self._session.exec(delete(RefreshToken).where(col(RefreshToken.user_id) == user_id))

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Those of one user, or of all."""
        statement = delete(RefreshToken).where(col(RefreshToken.expires_at) < datetime.now(UTC))
        if user_id:
            statement = statement.where(col(RefreshToken.user_id) == user_id)
        await self._session.exec(statement)
