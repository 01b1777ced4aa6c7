from typing import Any
from uuid import UUID

from app.core.errors import ValidationError
from app.core.security import Passwords, Role, check_password
from app.features.users.exceptions import LastAdminError
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
    """The rules of accounts. Every method that names a user raises `UserNotFoundError`."""

    def __init__(
        self, users: UserRepository, tokens: RefreshTokenRepository, passwords: Passwords
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._passwords = passwords

    async def register(self, data: UserCreate, role: Role = Role.USER) -> User:
        """Raises `EmailTakenError`, and `ValidationError` for a password easily guessed."""
        password = data.password.get_secret_value()
        check_password(password, email=data.email)
        # Before the first query, so that no connection waits for it.
        password_hash = await self._passwords.hash(password)
        return await self._users.create(
            {
                "email": data.email,
                "name": data.name,
                "password_hash": password_hash,
                "role": role,
                "is_active": True,
            }
        )

    async def list(self, params: UserListParams) -> Page[User]:
        return await self._users.search(params)

    async def get(self, user_id: UUID) -> User:
        return await self._users.get_or_raise(user_id)

    async def rename(self, user_id: UUID, data: UserUpdate) -> User:
        return await self._users.update(user_id, data.model_dump())

    async def administer(self, user_id: UUID, data: UserAdminUpdate) -> User:
        """Raises `LastAdminError` where nobody would be left to administer."""
        values: dict[str, Any] = data.model_dump()
        if values.get("role") is Role.USER or values.get("is_active") is False:
            await self._keep_an_admin(without=user_id)
        user = await self._users.update(user_id, values)
        if not user.is_active:
            await self._tokens.revoke_all(user_id)
        return user

    async def change_password(self, user_id: UUID, data: PasswordChange) -> None:
        """Log the user out everywhere else; raises `ValidationError` for either password."""
        user = await self._users.get_or_raise(user_id)
        current = data.current_password.get_secret_value()
        valid, _ = await self._passwords.verify(current, user.password_hash)
        if not valid:
            raise ValidationError("That is not the password.", field="current_password")
        password = data.new_password.get_secret_value()
        check_password(password, email=user.email, field="new_password")
        password_hash = await self._passwords.hash(password)
        await self._users.update(user_id, {"password_hash": password_hash})
        await self._tokens.revoke_all(user_id)

    async def delete(self, user_id: UUID) -> None:
        """Their items and tokens go with them; raises `LastAdminError`."""
        await self._keep_an_admin(without=user_id)
        await self._users.delete(user_id)

    async def _keep_an_admin(self, *, without: UUID) -> None:
        admins = await self._users.lock_admins()
        if admins == [without]:
            raise LastAdminError
