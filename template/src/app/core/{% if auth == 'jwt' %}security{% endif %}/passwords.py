"""Password rules, and the hashing and verification of passwords."""

import os
from functools import cache

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.errors import ValidationError
from app.core.security.common_passwords import COMMON_PASSWORDS

# The OWASP Password Storage Cheat Sheet's minimum for argon2id: 19 MiB, 2 iterations, 1 thread.
HASHER = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_password(password: str, *, email: str, field: str = "password") -> None:
    """Raise `ValidationError` if the password is easy to guess.

    Common passwords from published breaches (NIST SP 800-63B), the user's e-mail address and the
    part of the address before the `@` are rejected. The request schema checks the password's
    length.
    """
    guess = password.lower()
    if guess in COMMON_PASSWORDS:
        raise ValidationError("This password is too common. Choose another one.", field=field)
    if guess in {email.lower(), email.lower().partition("@")[0]}:
        message = "The password must not be the e-mail address or the part before the @."
        raise ValidationError(message, field=field)


MAX_THREADS = 8
"""Maximum number of threads that hash passwords.

In a container, `os.cpu_count` returns the number of CPU cores of the machine, although the
container may have only a small share of the machine's CPU time and memory.
"""


class Passwords:
    """Hashes and verifies passwords in threads: at most one per CPU core, and at most MAX_THREADS.

    Each hash takes about 20 ms of CPU time and 19 MiB of memory. Without a limit on threads, a
    burst of logins would use up the CPU and the memory that other requests need.
    """

    def __init__(self, hasher: Argon2Hasher = HASHER) -> None:
        self._hash = PasswordHash((hasher,))
        self._limiter = CapacityLimiter(min(os.cpu_count() or 1, MAX_THREADS))
        self._dummy = _dummy_hash(hasher)

    async def hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hash.hash, password, limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Return whether the password is correct, and a new hash if the stored hash is outdated.

        A stored hash is outdated if it was made with argon2 parameters that are no longer used. The
        second value is None if no new hash has to be stored.

        `hashed` is None for an unknown user. Rejecting an unknown user takes as long as rejecting a
        wrong password, so that the response time does not reveal which accounts exist.
        """
        valid, updated = await to_thread.run_sync(
            self._hash.verify_and_update, password, hashed or self._dummy, limiter=self._limiter
        )
        return (valid, updated) if hashed else (False, None)


@cache
def _dummy_hash(hasher: Argon2Hasher) -> str:
    """Return the hash that is used to verify a password if the user is unknown.

    With this dummy hash, rejecting an unknown user takes as long as rejecting a wrong password.
    """
    return hasher.hash("dummy")
