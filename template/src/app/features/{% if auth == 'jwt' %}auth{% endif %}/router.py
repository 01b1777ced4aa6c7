from typing import Annotated

from fastapi import APIRouter, Form, Request, Response, status

from app.dependencies import ResourcesDep
from app.features.auth.dependencies import AuthServiceDep, limit_logins
from app.features.auth.schemas import RefreshRequest, TokenRequest, TokenResponse
from app.shared.responses import error_responses

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/token", responses=error_responses(401, 413))
async def log_in(
    form: Annotated[TokenRequest, Form()],
    service: AuthServiceDep,
    resources: ResourcesDep,
    request: Request,
    response: Response,
) -> TokenResponse:
    """Log in with an e-mail address and a password."""
    await limit_logins(request, resources, form.username)
    response.headers["Cache-Control"] = "no-store"
    return await service.log_in(form.username, form.password.get_secret_value())


@router.post("/refresh", responses=error_responses(401, 413, 415))
async def refresh(
    data: RefreshRequest, service: AuthServiceDep, response: Response
) -> TokenResponse:
    """Exchange a refresh token for a new pair of tokens.

    A refresh token can be used only once. If a refresh token is used a second time, all refresh
    tokens of the same login are revoked.
    """
    response.headers["Cache-Control"] = "no-store"
    return await service.refresh(data.refresh_token.get_secret_value())


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=error_responses(413, 415))
async def log_out(data: RefreshRequest, service: AuthServiceDep) -> None:
    """Log out by revoking all refresh tokens of the login session. No access token is required."""
    await service.log_out(data.refresh_token.get_secret_value())
