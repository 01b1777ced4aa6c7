"""Sorting by allow-list: a client can name no column that a feature does not offer."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by, written `title` or, descending, `-title`.

    The schema of the feature's query lists what is allowed, as a `Literal`.
    """

    column: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(column=text.removeprefix("-"), descending=text.startswith("-"))
