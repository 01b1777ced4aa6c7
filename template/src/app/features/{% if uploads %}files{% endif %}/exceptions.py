from uuid import UUID

from app.core.errors import AppError, ConflictError, NotFoundError


class StoredFileNotFoundError(NotFoundError):
    def __init__(self, file_id: UUID) -> None:
        super().__init__("File", file_id)


class FileTooLargeError(AppError):
    status_code = 413

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The file is too large. The maximum size is {max_bytes} bytes.",
            details={"max_bytes": max_bytes},
        )


class FileSizeError(AppError):
    """Raised if the uploaded content does not have the size that the client has announced."""

    status_code = 413

    def __init__(self, announced: int, actual: int) -> None:
        super().__init__(
            f"The file has {actual} bytes, but {announced} bytes were announced. Start again.",
            details={"announced_bytes": announced, "actual_bytes": actual},
        )


class FileTypeError(AppError):
    """Raised if the type of a file is not allowed or not the type that was announced."""

    status_code = 415

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(
            f"The content of the file has none of these types: {', '.join(allowed)}.",
            details={"allowed_types": allowed},
        )


class FileLimitError(ConflictError):
    """Raised if an upload would exceed the number or the total size of an owner's files."""

    def __init__(self, max_files: int, max_bytes: int) -> None:
        super().__init__(
            f"The limit of {max_files} files or {max_bytes} bytes is reached. Delete files first."
        )


class NothingUploadedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("Nothing was uploaded to the URL yet. Send the file with PUT first.")


class PresignUnavailableError(AppError):
    status_code = 404

    def __init__(self) -> None:
        super().__init__(
            "This service stores files on a local disk, so it has no presigned URLs."
            " Upload the file to POST /api/v1/files."
        )


class InvalidFormError(AppError):
    """Raised if a request body is not valid `multipart/form-data`, or ends too early."""

    status_code = 400


class FormTypeError(AppError):
    status_code = 415

    def __init__(self) -> None:
        super().__init__("Send the file in the field `file` of a multipart/form-data body.")


class SlowUploadError(AppError):
    status_code = 408

    def __init__(self, read_timeout: float, max_duration: float) -> None:
        super().__init__(
            f"The client sent no data for {read_timeout:g} seconds, or the upload took longer than"
            f" {max_duration:g} seconds."
        )


class SweepRefusedError(AppError):
    def __init__(self, count: int) -> None:
        super().__init__(
            f"The database knows none of {count} stored files, so DATABASE_URL, UPLOAD_DIR or"
            " S3_BUCKET may be wrong. To delete the files, run `app files sweep --force`."
        )


class RangeError(AppError):
    """Raised if a file does not contain any byte of the requested range (RFC 9110, 15.5.17)."""

    status_code = 416

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The file has only {size} bytes.", headers={"Content-Range": f"bytes */{size}"}
        )
