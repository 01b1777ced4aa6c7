from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.background import JobsDep
from app.core.security import Role
from app.dependencies import ResourcesDep
from app.features.auth.dependencies import (
    OwnAccountDep,
    limit_password_guesses,
    limit_registrations,
    require_role,
)
from app.features.users.dependencies import UserServiceDep
from app.features.users.models import User
from app.features.users.schemas import (
    PasswordChange,
    UserAdminUpdate,
    UserCreate,
    UserListParams,
    UserResponse,
    UserUpdate,
)
from app.shared.pagination import Page, PaginatedResponse
from app.shared.responses import error_responses

router = APIRouter(prefix="/users", tags=["users"])
admins_only = [Depends(require_role(Role.ADMIN))]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=UserResponse,
    responses=error_responses(409, 413, 415),
)
async def register(  # noqa: PLR0913, PLR0917 - one parameter per dependency
    data: UserCreate,
    service: UserServiceDep,
    resources: ResourcesDep,
    jobs: JobsDep,
    request: Request,
    response: Response,
) -> User:
    """Create a user account with the role `user`. No authentication is required."""
    await limit_registrations(request, resources)
    user = await service.register(data, jobs=jobs)
    response.headers["Location"] = request.url_for("get_user", user_id=user.id).path
    return user


@router.get("/me", response_model=UserResponse, responses=error_responses(401))
async def get_me(actor: OwnAccountDep, service: UserServiceDep) -> User:
    return await service.get(actor.id)


@router.patch("/me", response_model=UserResponse, responses=error_responses(401, 413, 415))
async def update_me(data: UserUpdate, actor: OwnAccountDep, service: UserServiceDep) -> User:
    """Change the name of your own account."""
    return await service.rename(actor.id, data)


@router.delete("/me", status_code=status.HTTP_204_NO_CONTENT, responses=error_responses(401, 409))
async def delete_me(actor: OwnAccountDep, service: UserServiceDep) -> None:
    """Delete your own account and all of its items."""
    await service.delete(actor.id)


@router.put(
    "/me/password",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[Depends(limit_password_guesses)],
    responses=error_responses(401, 413, 415),
)
async def change_password(
    data: PasswordChange, actor: OwnAccountDep, service: UserServiceDep
) -> None:
    """Change your own password.

    All your refresh tokens are revoked, including the token of the client that sent the request.
    """
    await service.change_password(actor.id, data)


@router.get(
    "",
    response_model=PaginatedResponse[UserResponse],
    dependencies=admins_only,
    responses=error_responses(401, 403),
)
async def list_users(
    params: Annotated[UserListParams, Query()], service: UserServiceDep
) -> Page[User]:
    return await service.list(params)


@router.get(
    "/{user_id}",
    response_model=UserResponse,
    dependencies=admins_only,
    responses=error_responses(401, 403, 404),
)
async def get_user(user_id: UUID, service: UserServiceDep) -> User:
    return await service.get(user_id)


@router.patch(
    "/{user_id}",
    response_model=UserResponse,
    dependencies=admins_only,
    responses=error_responses(401, 403, 404, 409, 413, 415),
)
async def update_user(user_id: UUID, data: UserAdminUpdate, service: UserServiceDep) -> User:
    """Change a user's name or role, or activate or deactivate the user.

    Deactivation immediately invalidates all access and refresh tokens of the user.
    """
    return await service.administer(user_id, data)


@router.delete(
    "/{user_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=admins_only,
    responses=error_responses(401, 403, 404, 409),
)
async def delete_user(user_id: UUID, service: UserServiceDep) -> None:
    """Delete a user and all of the user's items."""
    await service.delete(user_id)
