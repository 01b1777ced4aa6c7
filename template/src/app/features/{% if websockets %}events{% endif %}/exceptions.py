from app.core.errors import AppError


class TooManyConnectionsError(AppError):
    status_code = 429

    def __init__(self) -> None:
        super().__init__(
            "This client has too many open connections. Close one, then try again.",
            headers={"Retry-After": "5"},
        )
