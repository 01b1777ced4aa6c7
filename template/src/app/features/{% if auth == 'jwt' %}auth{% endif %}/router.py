from typing import Annotated

from fastapi import APIRouter, Form, Response, status

from app.features.auth.dependencies import AuthServiceDep, LoginLimitDep
from app.features.auth.schemas import RefreshRequest, TokenRequest, TokenResponse
from app.shared.responses import error_responses

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/token", responses=error_responses(401, 413))
async def log_in(
    form: Annotated[TokenRequest, Form()],
    service: AuthServiceDep,
    limit: LoginLimitDep,
    response: Response,
) -> TokenResponse:
    """Log in with e-mail address and password."""
    await limit.count(form.username)
    response.headers["Cache-Control"] = "no-store"
    return await service.log_in(form.username, form.password.get_secret_value())


@router.post("/refresh", responses=error_responses(401, 413, 415))
async def refresh(
    data: RefreshRequest, service: AuthServiceDep, response: Response
) -> TokenResponse:
    """Exchange a refresh token for a new pair; it is spent then, and using it again logs out."""
    response.headers["Cache-Control"] = "no-store"
    return await service.refresh(data.refresh_token.get_secret_value())


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=error_responses(413, 415))
async def log_out(data: RefreshRequest, service: AuthServiceDep) -> None:
    """Revoke a refresh token and all that descend from the same login."""
    await service.log_out(data.refresh_token.get_secret_value())
