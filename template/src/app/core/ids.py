"""UUIDs of version 7 (RFC 9562): ordered by time, so that indexes grow at one end."""

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, then 74 random bits; within a process, always increasing.

    Two of the same millisecond therefore keep their order, and so do two around a clock set back.
    """
    global _last  # noqa: PLW0603 - the order is the process's
    value = time.time_ns() // 1_000_000 << 74 | secrets.randbits(74)
    with _lock:
        _last = value = max(value, _last + 1)
    high, low = divmod(value, 1 << 62)
    stamp, middle = divmod(high, 1 << 12)
    return UUID(int=stamp << 80 | 7 << 76 | middle << 64 | 2 << 62 | low)
