from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.security import Passwords
from app.dependencies import SessionDep
from app.features.users.repository import RefreshTokenRepository, UserRepository
from app.features.users.service import UserService


async def get_passwords(connection: HTTPConnection) -> Passwords:
    passwords: Passwords = connection.app.state.passwords
    return passwords


PasswordsDep = Annotated[Passwords, Depends(get_passwords)]


async def get_user_repository(session: SessionDep) -> UserRepository:
    return UserRepository(session)


UserRepositoryDep = Annotated[UserRepository, Depends(get_user_repository)]


async def get_user_service(
    session: SessionDep, users: UserRepositoryDep, passwords: PasswordsDep
) -> UserService:
    return UserService(users, RefreshTokenRepository(session), passwords)


UserServiceDep = Annotated[UserService, Depends(get_user_service)]
