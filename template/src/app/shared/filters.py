"""Sorting by allow-list: clients can sort only by columns that a feature lists."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by: `title` is in ascending order, `-title` in descending order.

    The query schema of each feature lists the allowed columns as a `Literal`.
    """

    column: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(column=text.removeprefix("-"), descending=text.startswith("-"))
