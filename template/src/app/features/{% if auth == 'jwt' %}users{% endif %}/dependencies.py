from typing import Annotated

from fastapi import Depends

from app.dependencies import ResourcesDep
from app.features.users.service import UserService


async def get_user_service(resources: ResourcesDep) -> UserService:
    return UserService(resources.database, resources.passwords)


UserServiceDep = Annotated[UserService, Depends(get_user_service)]
