"""Responses with the content of a file: validators, ranges and security headers (RFC 9110)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.features.files.exceptions import RangeError
from app.features.files.models import StoredFile

RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})", re.IGNORECASE)

type Read = Callable[[int, int], Awaitable[AsyncIterator[bytes]]]
"""Opens the bytes of a file from the first argument up to, but not including, the second."""


async def file_response(request: Request, file: StoredFile, read: Read) -> Response:
    """Return the file, the requested range of the file (206), or 304 if the client has the file.

    The response to a HEAD request has no body, and the header `Range` is ignored (RFC 9110, 14.2).
    Raises `RangeError` if the file has no byte in the requested range.
    """
    etag = f'"{file.sha256}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(file.filename),
        # A browser that shows the file runs no script and loads no other resource.
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "ETag": etag,
    }
    if _matches(request.headers.getlist("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        headers["Content-Length"] = str(file.size)
        return Response(headers=headers, media_type=file.content_type)
    wanted = None
    # With `If-Range`, the range applies only if the client has a part of this version of the file.
    if request.headers.get("if-range", etag) == etag:
        wanted = parse_range(request.headers.get("range", ""), file.size)
    start, end = wanted or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(
        await read(start, end),
        status_code=206 if wanted else 200,
        headers=headers,
        media_type=file.content_type,
    )


def content_disposition(filename: str) -> str:
    """Return a header value for a download with any name (RFC 6266).

    Old clients read `filename`, in which characters outside ASCII are replaced.
    """
    plain = re.sub(r'[^ -~]|["\\%]', "_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the start and the end of the range, where the end is not included.

    Returns None for an invalid header and for several ranges, which a server may ignore (RFC 9110,
    14.2). Raises `RangeError` if the file has no byte in the range.
    """
    match = RANGE.fullmatch(header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise RangeError(size)
    return start, end


def _matches(lines: list[str], etag: str) -> bool:
    """Return whether the `If-None-Match` lines contain the entity tag, or `*` for any tag."""
    tags = [tag.strip().removeprefix("W/") for tag in ",".join(lines).split(",")]
    return "*" in tags or etag in tags
