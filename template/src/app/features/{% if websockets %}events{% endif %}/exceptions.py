from app.core.errors import AppError


class TooManyConnectionsError(AppError):
    status_code = 429

    def __init__(self) -> None:
        super().__init__("Too many connections.", headers={"Retry-After": "5"})
