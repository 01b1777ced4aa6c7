"""Passwords: which are refused, and how they are stored and verified."""

import os
from functools import cache

from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.errors import ValidationError
from app.core.security.common_passwords import COMMON_PASSWORDS

# OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane.
HASHER = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_password(password: str, *, email: str, field: str = "password") -> None:
    """Refuse a password that an attacker tries first; raises `ValidationError`.

    Length is the schema's affair. The list is of the passwords most common in published breaches.
    """
    guess = password.lower()
    if guess in COMMON_PASSWORDS:
        raise ValidationError("That password is among the most common ones.", field=field)
    if guess in {email.lower(), email.lower().partition("@")[0]}:
        raise ValidationError("The password must not be the e-mail address.", field=field)


class Passwords:
    """Hashes and verifies passwords off the event loop, as many at a time as there are cores.

    One takes some 20 ms and 19 MiB; unbounded, a burst of logins would starve everything else.
    """

    def __init__(self, hasher: Argon2Hasher = HASHER) -> None:
        self._hash = PasswordHash((hasher,))
        self._limiter = CapacityLimiter(os.cpu_count() or 1)
        self._nobodys = _nobodys_hash(hasher)

    async def hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hash.hash, password, limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether the password is right, and a new hash where the parameters have risen since.

        Without a hash, as for an unknown user, it takes as long and is wrong: time tells nothing.
        """
        valid, updated = await to_thread.run_sync(
            self._hash.verify_and_update, password, hashed or self._nobodys, limiter=self._limiter
        )
        return (valid, updated) if hashed else (False, None)


@cache
def _nobodys_hash(hasher: Argon2Hasher) -> str:
    """What an unknown user's password is compared with, made once a process."""
    return hasher.hash("nobody's")
