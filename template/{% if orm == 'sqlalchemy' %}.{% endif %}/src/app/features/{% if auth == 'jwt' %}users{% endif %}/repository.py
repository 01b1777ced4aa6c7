from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select, update

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

    async def get_by_email(self, email: str) -> User | None:
        """The user of a normalised address; see `normalize_email`."""
        user: User | None = await self._session.scalar(select(User).where(User.email == email))
        return user

    async def search(self, params: UserListParams) -> Page[User]:
        """A page of the users whose address contains `params.q`, in any case."""
        where = [User.email.icontains(params.q, autoescape=True)] if params.q else []
        return await self.page(params, params.order, *where)

    async def lock_admins(self) -> list[UUID]:
        """The active admins, none of whom can cease to be one before this transaction ends."""
        admins = await self._session.scalars(
            select(User.id).where(User.role == "admin", User.is_active).with_for_update()
        )
        return list(admins)


class RefreshTokenRepository(BaseRepository[RefreshToken]):
    model = RefreshToken

    async def spend(self, fingerprint: str) -> UUID | None:
        """The token's family, to the first who asks; None for an unknown, spent or expired one."""
        now = datetime.now(UTC)
        family_id: UUID | None = await self._session.scalar(
            update(RefreshToken)
            .where(
                RefreshToken.fingerprint == fingerprint,
                RefreshToken.spent_at.is_(None),
                RefreshToken.expires_at > now,
            )
            .values(spent_at=now)
            .returning(RefreshToken.family_id)
        )
        return family_id

    async def revoke_family(self, fingerprint: str) -> None:
        family = select(RefreshToken.family_id).where(RefreshToken.fingerprint == fingerprint)
        await self._session.execute(
            delete(RefreshToken).where(RefreshToken.family_id.in_(family.scalar_subquery()))
        )

    async def revoke_all(self, user_id: UUID) -> None:
        await self._session.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id))

    async def delete_expired(self, user_id: UUID | None = None) -> None:
        """Those of one user, or of all."""
        statement = delete(RefreshToken).where(RefreshToken.expires_at < datetime.now(UTC))
        if user_id:
            statement = statement.where(RefreshToken.user_id == user_id)
        await self._session.execute(statement)
