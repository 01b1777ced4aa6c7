from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """The number and the total size in bytes of an owner's files."""

    count: int
    size: int
