"""Generator of version 7 UUIDs (RFC 9562), which sort by creation time.

A database inserts new version 7 UUIDs at the end of an index, not at random positions.
"""

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a UUIDv7: a Unix timestamp in milliseconds (48 bits) and 74 random bits.

    The UUIDs of one process are always in ascending order, even within the same millisecond, and
    even if the clock is set back.
    """
    global _last  # noqa: PLW0603 - all threads share the last value
    value = time.time_ns() // 1_000_000 << 74 | secrets.randbits(74)
    with _lock:
        _last = value = max(value, _last + 1)
    high, low = divmod(value, 1 << 62)
    milliseconds, middle = divmod(high, 1 << 12)
    return UUID(int=milliseconds << 80 | 7 << 76 | middle << 64 | 2 << 62 | low)
