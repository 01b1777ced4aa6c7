"""Detects the type of a file from its first bytes, because clients may declare any type."""

from contextlib import suppress

import puremagic

HEAD_BYTES = 8192
"""Number of bytes at the start of a file from which its type is detected."""


def detect_content_type(head: bytes) -> str | None:
    """Return the media type, such as `image/png`, or None if the type is unknown."""
    with suppress(puremagic.PureError, ValueError):
        return puremagic.from_string(head, mime=True) or None
    return None
