"""Authentication errors (401) and authorization errors (403)."""

from app.core.errors import AppError


class AuthenticationError(AppError):
    """401: the request has no valid credentials (RFC 6750, section 3)."""

    status_code = 401

    def __init__(self, message: str = "Not authenticated.") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class InvalidTokenError(AuthenticationError):
    """401: the token is invalid, expired or revoked, or its user is inactive or deleted."""

    def __init__(self) -> None:
        super().__init__("The token is invalid, expired or revoked.")


class AuthorizationError(AppError):
    """403: the user is authenticated, but does not have the required permission."""

    status_code = 403

    def __init__(self, message: str = "You do not have permission for this action.") -> None:
        super().__init__(message)
