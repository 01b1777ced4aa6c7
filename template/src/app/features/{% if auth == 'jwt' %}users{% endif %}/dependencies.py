from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.security import Passwords
from app.dependencies import DatabaseDep, SessionDep
from app.features.users.repository import UserRepository
from app.features.users.service import UserService


async def get_passwords(connection: HTTPConnection) -> Passwords:
    passwords: Passwords = connection.app.state.passwords
    return passwords


PasswordsDep = Annotated[Passwords, Depends(get_passwords)]


async def get_user_repository(session: SessionDep) -> UserRepository:
    return UserRepository(session)


UserRepositoryDep = Annotated[UserRepository, Depends(get_user_repository)]


async def get_user_service(database: DatabaseDep, passwords: PasswordsDep) -> UserService:
    return UserService(database, passwords)


UserServiceDep = Annotated[UserService, Depends(get_user_service)]
