from typing import Annotated

from fastapi import Depends

from app.dependencies import PasswordsDep, SessionDep
from app.features.users.repository import RefreshTokenRepository, UserRepository
from app.features.users.service import UserService


async def get_user_repository(session: SessionDep) -> UserRepository:
    return UserRepository(session)


UserRepositoryDep = Annotated[UserRepository, Depends(get_user_repository)]


async def get_user_service(
    session: SessionDep, users: UserRepositoryDep, passwords: PasswordsDep
) -> UserService:
    return UserService(users, RefreshTokenRepository(session), passwords)


UserServiceDep = Annotated[UserService, Depends(get_user_service)]
