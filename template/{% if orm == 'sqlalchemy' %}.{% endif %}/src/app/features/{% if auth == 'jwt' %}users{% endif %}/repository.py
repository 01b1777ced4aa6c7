from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update

from app.core.database.repository import BaseRepository, Conflicts
from app.core.security import Role
from app.features.users.exceptions import EmailTakenError, UserNotFoundError
from app.features.users.models import RefreshToken, User
from app.features.users.schemas import UserListParams
from app.shared.pagination import Page

# Built once, as every request with a token needs one of them.
ACTIVE = select(User.role).where(User.id == bindparam("id"), User.is_active)
PROTECTED = ACTIVE.with_for_update(read=True, key_share=True)


class UserRepository(BaseRepository[User]):
    """Accounts. Creating one raises `EmailTakenError`."""

    model = User
    not_found = UserNotFoundError
    # Without the password's hash.
    columns = (User.email, User.name, User.role, User.is_active, User.created_at)
    conflicts: ClassVar[Conflicts] = {"uq_users_email": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """The user of a normalised address; see `normalize_email`."""
        return await self._one(self._select().where(User.email == email))

    async def search(self, params: UserListParams) -> Page[User]:
        """A page of the users whose address contains `params.q`, in any case."""
        where = [User.email.icontains(params.q, autoescape=True)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """The role of the user; None where there is none, or it is not active."""
        role = (await self._session.execute(ACTIVE, {"id": user_id})).scalar_one_or_none()
        return Role(role) if role else None

    async def protect(self, user_id: UUID) -> Role | None:
        """Like `active_role`; and no other transaction deletes the user before this one ends."""
        role = (await self._session.execute(PROTECTED, {"id": user_id})).scalar_one_or_none()
        return Role(role) if role else None

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """The user, whom no other transaction locks, changes or deletes before this one ends.

        None where the user is gone, or has another value in one of the columns.

        Whatever issues, spends or revokes refresh tokens locks their user first. So these
        transactions run one after the other, and cannot deadlock.
        """
        return await self._one(
            self._select()
            .where(User.id == user_id)
            .filter_by(**columns)
            .with_for_update(key_share=True)
        )

    async def lock_admins(self) -> list[UUID]:
        """The active admins, none of whom can cease to be one before this transaction ends."""
        admins = await self._session.execute(
            select(User.id)
            .where(User.role == Role.ADMIN, User.is_active)
            .order_by(User.id)
            .with_for_update(key_share=True)
        )
        return list(admins.scalars())


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def find_user(self, token_hash: str) -> UUID | None:
        """The id of the user who was given the token; None for an unknown or revoked one."""
        users = await self._session.execute(
            select(RefreshToken.user_id).where(RefreshToken.token_hash == token_hash)
        )
        return users.scalar_one_or_none()

    async def spend(self, token_hash: str) -> UUID | None:
        """The token's family, to the first who asks; None for an unknown, spent or expired one."""
        now = datetime.now(UTC)
        families = await self._session.execute(
            update(RefreshToken)
            .where(
                RefreshToken.token_hash == token_hash,
                RefreshToken.spent_at.is_(None),
                RefreshToken.expires_at > now,
            )
            .values(spent_at=now)
            .returning(RefreshToken.family_id)
        )
        return families.scalar_one_or_none()

    async def revoke_family(self, token_hash: str) -> bool:
        """Whether there was anything to revoke."""
        family = select(RefreshToken.family_id).where(RefreshToken.token_hash == token_hash)
        revoked = await self._session.execute(
            delete(RefreshToken).where(RefreshToken.family_id.in_(family.scalar_subquery()))
        )
        return revoked.rowcount > 0

    async def revoke_all(self, user_id: UUID) -> None:
        await self._session.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id))

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Those of one user, or of all."""
        statement = delete(RefreshToken).where(RefreshToken.expires_at < datetime.now(UTC))
        if user_id:
            statement = statement.where(RefreshToken.user_id == user_id)
        await self._session.execute(statement)
