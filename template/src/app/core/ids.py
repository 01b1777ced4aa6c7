"""UUIDs of version 7 (RFC 9562). They sort by creation time, so an index grows only at its end."""

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a UUID with a Unix timestamp in milliseconds (48 bits) and 74 random bits.

    Each UUID is greater than the previous one of this process, even if both are created in the same
    millisecond or the clock is set back.
    """
    global _last  # noqa: PLW0603 - all threads share the last value
    value = time.time_ns() // 1_000_000 << 74 | secrets.randbits(74)
    with _lock:
        _last = value = max(value, _last + 1)
    high, low = divmod(value, 1 << 62)
    milliseconds, middle = divmod(high, 1 << 12)
    return UUID(int=milliseconds << 80 | 7 << 76 | middle << 64 | 2 << 62 | low)
