"""Reads a file from a `multipart/form-data` body (RFC 7578) while the client sends it.

FastAPI's `UploadFile` is not used, because it stores the whole file in a temporary folder before
the route handler runs. In a container, that folder is often in memory.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from app.core.errors import ValidationError
from app.features.files.exceptions import (
    FileTooLargeError,
    FormTypeError,
    InvalidFormError,
    SlowUploadError,
)
from app.features.files.schemas import Filename

FIELD = "file"

READ_TIMEOUT = 30.0
"""Seconds that a client may send no data before the upload is aborted."""

MAX_DURATION = 3000.0
"""Seconds after which an upload is aborted, although the client still sends data.

S3 dates an object by the start of its multipart upload, and the sweep deletes content without a row
after an hour. Therefore, an upload must end earlier.
"""

MAX_OVERHEAD_BYTES = 64 * 1024
"""Maximum size of the body without the content of the file: delimiters and part headers."""

filename_adapter = TypeAdapter[str](Filename)


@dataclass(frozen=True)
class IncomingFile:
    """A file that the client is sending. `content` yields the content as it arrives."""

    filename: str
    content: AsyncIterator[bytes]


@dataclass
class _Part:
    """The name of a form field and the name of its file, which is empty if it has no file."""

    name: str
    filename: str


class _Parser:
    """Splits a body into parts. `feed` returns the parts and the chunks of their content."""

    def __init__(self, boundary: bytes) -> None:
        self.is_complete = False
        self._events: list[_Part | bytes] = []
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_part_data": self._add_data,
                "on_header_field": self._add_header,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> list[_Part | bytes]:
        self._events = []
        self._parser.write(data)
        return self._events

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise InvalidFormError("Each part needs the header `Content-Disposition: form-data`.")
        # Browsers write a double quote in a name as `%22` (WHATWG HTML, multipart/form-data).
        filename = _text(options.get(b"filename", b"")).replace("%22", '"')
        self._events.append(_Part(_text(options[b"name"]), filename))

    def _end(self) -> None:
        self.is_complete = True


async def read_file(request: Request, max_bytes: int) -> IncomingFile:
    """Read the body up to the file's headers, and return the file.

    The body must contain only one part: a file in the field `file`. Reading the body or iterating
    over `content` may raise `FileTooLargeError`, `FormTypeError`, `InvalidFormError`,
    `SlowUploadError` or `ValidationError`.
    """
    max_body_bytes = max_bytes + MAX_OVERHEAD_BYTES
    if int(request.headers.get("content-length", 0)) > max_body_bytes:
        raise FileTooLargeError(max_bytes)
    chunks = _limited(_received(request), max_bytes, max_body_bytes)
    events = _parsed(chunks, await _boundary(request, chunks))
    part = await anext(events, None)
    if not isinstance(part, _Part):
        raise ValidationError("Field required", field=FIELD, kind="missing")
    _check(part)
    if not part.filename:
        raise ValidationError("The field should contain a file.", field=FIELD)
    return IncomingFile(_validate_filename(part.filename), _content(events))


async def _content(events: AsyncIterator[_Part | bytes]) -> AsyncGenerator[bytes]:
    async for event in events:
        if isinstance(event, _Part):
            _check(event)
            raise ValidationError("Only one file is allowed.", field=FIELD)
        yield event


def _check(part: _Part) -> None:
    if part.name != FIELD:
        message = "Extra inputs are not permitted"
        raise ValidationError(message, field=part.name[:100], kind="extra_forbidden")


async def _boundary(request: Request, chunks: AsyncIterator[bytes]) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        if not await anext(chunks, b""):
            raise ValidationError("Field required", field=FIELD, kind="missing")
        raise FormTypeError
    if not options.get(b"boundary"):
        raise InvalidFormError("The Content-Type header has no boundary.")
    return options[b"boundary"]


async def _received(request: Request) -> AsyncGenerator[bytes]:
    """Yield the chunks of the body."""
    stream, now = aiter(request.stream()), asyncio.get_running_loop().time
    deadline = now() + MAX_DURATION
    while now() < deadline:
        try:
            async with asyncio.timeout_at(min(deadline, now() + READ_TIMEOUT)):
                chunk = await anext(stream, None)
        except TimeoutError:
            break
        except ClientDisconnect as exc:
            raise InvalidFormError("The client closed the connection.") from exc
        if chunk is None:
            return
        if chunk:
            yield chunk
    raise SlowUploadError(READ_TIMEOUT, MAX_DURATION)


async def _limited(
    chunks: AsyncIterator[bytes], max_bytes: int, max_body_bytes: int
) -> AsyncGenerator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > max_body_bytes:
            raise FileTooLargeError(max_bytes)
        yield chunk


async def _parsed(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncGenerator[_Part | bytes]:
    is_empty = True
    try:
        parser = _Parser(boundary)
        async for chunk in chunks:
            is_empty = False
            for event in parser.feed(chunk):
                yield event
    except FormParserError as exc:
        raise InvalidFormError("The body is not valid multipart/form-data.") from exc
    if not parser.is_complete and not is_empty:
        raise InvalidFormError("The body ends before the last part is complete.")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise InvalidFormError("The body is not valid UTF-8.") from exc


def _validate_filename(text: str) -> str:
    try:
        return filename_adapter.validate_python(text)
    except PydanticValidationError as exc:
        message = exc.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ValidationError(f"The file's name: {message}", field=FIELD) from exc
