"""Sorting with an allow-list, so that clients can sort only by the columns that a feature lists."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by: `title` for ascending order and `-title` for descending order.

    The query schema of each feature lists the allowed columns as a `Literal`.
    """

    column: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(column=text.removeprefix("-"), descending=text.startswith("-"))
