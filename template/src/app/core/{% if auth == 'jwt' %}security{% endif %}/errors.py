"""Who is asking is not known, or may not."""

from app.core.errors import AppError


class AuthenticationError(AppError):
    """401: who is asking is not known."""

    status_code = 401

    def __init__(self, message: str = "Not authenticated.") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class InvalidTokenError(AuthenticationError):
    """401: the token is not valid, or not any more."""

    def __init__(self) -> None:
        super().__init__("The token is not valid.")


class AuthorizationError(AppError):
    """403: who is asking is known, and may not."""

    status_code = 403

    def __init__(self, message: str = "Not allowed.") -> None:
        super().__init__(message)
