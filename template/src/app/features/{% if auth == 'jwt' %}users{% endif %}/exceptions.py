from uuid import UUID

from app.core.errors import ConflictError, NotFoundError


class UserNotFoundError(NotFoundError):
    def __init__(self, user_id: UUID) -> None:
        super().__init__("User", user_id)


class EmailTakenError(ConflictError):
    def __init__(self) -> None:
        super().__init__("This e-mail address is already taken.", "email")


class LastAdminError(ConflictError):
    def __init__(self) -> None:
        super().__init__(
            "The last active admin cannot be demoted, deactivated or deleted."
            " Make another user an admin first."
        )
