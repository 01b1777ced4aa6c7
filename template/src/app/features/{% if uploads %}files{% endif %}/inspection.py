"""Inspects the content of a file while it is transferred."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Sequence

from app.core.files.content_type import HEAD_BYTES, detect_content_type
from app.features.files.exceptions import FileTooLargeError, FileTypeError


class InspectedContent:
    """Yields the chunks of a file's content, and computes the size, the hash and the type.

    Iterating raises `FileTooLargeError` or `FileTypeError` before the first chunk that must not be
    stored. No chunk is yielded before the type is known.
    """

    def __init__(
        self, content: AsyncIterable[bytes], *, max_bytes: int, allowed_types: Sequence[str]
    ) -> None:
        self._content = content
        self._max_bytes = max_bytes
        self._allowed_types = allowed_types
        self._hash = hashlib.sha256()
        self.size = 0
        """Number of bytes so far."""

        self.content_type = ""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        head = b""
        async for chunk in self._content:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise FileTooLargeError(self._max_bytes)
            self._hash.update(chunk)
            if self.content_type:
                yield chunk
                continue
            head += chunk
            if len(head) >= HEAD_BYTES:
                self.content_type = self._detect(head)
                yield head
        if not self.content_type:
            self.content_type = self._detect(head)
            yield head

    def _detect(self, head: bytes) -> str:
        content_type = detect_content_type(head[:HEAD_BYTES])
        if content_type is None or content_type not in self._allowed_types:
            raise FileTypeError(list(self._allowed_types))
        return content_type
