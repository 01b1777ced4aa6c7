from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from piccolo.query import Select

from app.core.database.queries import containing
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
    columns = (User.email, User.name, User.role, User.is_active, User.created_at)
    conflicts: ClassVar[Conflicts] = {"users_email_key": EmailTakenError}

    async def get_by_email(self, email: str) -> User | None:
        """The user of a normalised address; see `normalize_email`."""
        return await self._session.run(User.objects().where(User.email == email).first())

    async def search(self, params: UserListParams) -> Page[User]:
        """A page of the users whose address contains `params.q`, in any case."""
        where = [containing(User.email, params.q)] if params.q else []
        return await self.page(params, params.order, *where)

    async def active_role(self, user_id: UUID) -> Role | None:
        """The role of the user; None where there is none, or it is not active."""
        return await self._role(self._active(user_id))

    async def protect(self, user_id: UUID) -> Role | None:
        """Like `active_role`; and no other transaction deletes the user before this one ends."""
        return await self._role(self._active(user_id).lock_rows("KEY SHARE"))

    def _active(self, user_id: UUID) -> Select[User]:
        return User.select(User.role).where(User.id == user_id, User.is_active.eq(True))

    async def _role(self, query: Select[User]) -> Role | None:
        rows = await self._session.run(query)
        return Role(rows[0]["role"]) if rows else None

    async def lock(self, user_id: UUID, **columns: object) -> User | None:
        """The user, whom no other transaction locks, changes or deletes before this one ends.

        None where the user is gone, or has another value in one of the columns.

        Whatever issues, spends or revokes refresh tokens locks their user first. So these
        transactions run one after the other, and cannot deadlock.
        """
        return await self._session.run(
            User.objects()
            .where(*self._equal({"id": user_id, **columns}))
            .lock_rows("NO KEY UPDATE")
            .first()
        )

    async def lock_admins(self) -> list[UUID]:
        """The active admins, none of whom can cease to be one before this transaction ends."""
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
        """The id of the user who was given the token; None for an unknown or revoked one."""
        user_ids = await self._session.run(
            RefreshToken.select(RefreshToken.user_id)
            .where(RefreshToken.token_hash == token_hash)
            .output(as_list=True)
        )
        return user_ids[0] if user_ids else None

    async def spend(self, token_hash: str) -> UUID | None:
        """The token's family, to the first who asks; None for an unknown, spent or expired one."""
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
        """Whether there was anything to revoke."""
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
        """Those of one user, or of all."""
        query = RefreshToken.delete().where(RefreshToken.expires_at < datetime.now(UTC))
        if user_id:
            query = query.where(RefreshToken.user_id == user_id)
        await self._session.run(query)
