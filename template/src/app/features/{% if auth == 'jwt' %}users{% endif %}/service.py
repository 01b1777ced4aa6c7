from typing import Any
from uuid import UUID

from app.background import Jobs
from app.core.database import EVERYTHING, Database
from app.core.errors import ValidationError
from app.core.security import Passwords, Role, check_password
from app.core.security.audit import record
from app.features.users.exceptions import LastAdminError, UserNotFoundError
from app.features.users.jobs import send_welcome_email
from app.features.users.models import User
from app.features.users.repository import RefreshTokenRepository, UserRepository
from app.features.users.schemas import (
    PasswordChange,
    UserAdminUpdate,
    UserCreate,
    UserListParams,
    UserUpdate,
)
from app.shared.pagination import Page


class UserService:
    """Registration, administration and deletion of user accounts.

    `UserService` opens its own transactions, so that no database connection is held while a
    password is hashed, and so that a security event is logged only after the transaction is
    committed.

    Every method that takes a `user_id` raises `UserNotFoundError` if there is no such user.
    """

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def register(
        self, data: UserCreate, role: Role = Role.USER, *, jobs: Jobs | None = None
    ) -> User:
        """Create a user. If `jobs` is given, a welcome e-mail is sent after the commit.

        Raises `EmailTakenError` if another user has this e-mail address, and `ValidationError` if
        the password is easy to guess.
        """
        password = data.password.get_secret_value()
        check_password(password, email=data.email)
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction() as unit:
            user = await UserRepository(unit, EVERYTHING).create(
                {
                    "email": data.email,
                    "name": data.name,
                    "password_hash": password_hash,
                    "role": role,
                    "is_active": True,
                }
            )
            if jobs:
                jobs.enqueue(unit, send_welcome_email, user_id=user.id)
        record("user_created", user.id, role=role)
        return user

    async def list(self, params: UserListParams) -> Page[User]:
        async with self._database.reading() as unit:
            return await UserRepository(unit, EVERYTHING).search(params)

    async def get(self, user_id: UUID) -> User:
        async with self._database.reading() as unit:
            return await UserRepository(unit, EVERYTHING).get_or_raise(user_id)

    async def rename(self, user_id: UUID, data: UserUpdate) -> User:
        async with self._database.transaction() as unit:
            return await UserRepository(unit, EVERYTHING).update(user_id, data.model_dump())

    async def administer(self, user_id: UUID, data: UserAdminUpdate) -> User:
        """Change a user's name or role, or activate or deactivate the user.

        Deactivation revokes every refresh token of the user. Raises `LastAdminError` if the change
        would leave the service without an active admin.
        """
        values: dict[str, Any] = data.model_dump()
        async with self._database.transaction() as unit:
            users = UserRepository(unit, EVERYTHING)
            if values.get("role") is Role.USER or values.get("is_active") is False:
                await self._ensure_another_admin(users, user_id)
            before = await users.lock(user_id)
            if before is None:
                raise UserNotFoundError(user_id)
            old_role, was_active = before.role, before.is_active
            user = await users.update(user_id, values)
            if not user.is_active:
                await RefreshTokenRepository(unit, EVERYTHING).revoke_all(user_id)
        if user.role != old_role:
            record("privilege_permissions_changed", user_id, old_role=old_role, role=user.role)
        if was_active and not user.is_active:
            record("user_deactivated", user_id)
        return user

    async def change_password(self, user_id: UUID, data: PasswordChange) -> None:
        """Change the password and revoke every refresh token of the user.

        Raises `ValidationError` if the current password is wrong or the new password is easy to
        guess.
        """
        current = data.current_password.get_secret_value()
        password = data.new_password.get_secret_value()
        while True:
            user = await self.get(user_id)
            valid, _ = await self._passwords.verify(current, user.password_hash)
            if not valid:
                raise ValidationError("The current password is wrong.", field="current_password")
            check_password(password, email=user.email, field="new_password")
            password_hash = await self._passwords.hash(password)
            async with self._database.transaction() as unit:
                users = UserRepository(unit, EVERYTHING)
                if await users.lock(user_id, password_hash=user.password_hash):
                    await users.update(user_id, {"password_hash": password_hash})
                    await RefreshTokenRepository(unit, EVERYTHING).revoke_all(user_id)
                    break
            # Another request changed the stored hash in the meantime, so repeat the verification.
        record("authn_password_change", user_id)

    async def delete(self, user_id: UUID) -> None:
        """Delete a user and all of the user's items and refresh tokens.

        Raises `LastAdminError` if the user is the last active admin.
        """
        async with self._database.transaction() as unit:
            users = UserRepository(unit, EVERYTHING)
            await self._ensure_another_admin(users, user_id)
            await users.delete(user_id)
        record("user_deleted", user_id)

    async def _ensure_another_admin(self, users: UserRepository, user_id: UUID) -> None:
        """Raise `LastAdminError` if the user is the only active admin."""
        admins = await users.lock_admins()
        if admins == [user_id]:
            raise LastAdminError
