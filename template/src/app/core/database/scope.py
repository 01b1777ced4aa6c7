"""Scopes: which rows a repository can access, and which column values its new rows get."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OWNER = "owner_id"
"""Name of the column with the id of a row's owner. Only admins see rows whose owner is NULL."""


@dataclass(frozen=True)
class Scope:
    """Restricts a repository to the rows that have certain column values.

    A repository takes its scope in the constructor and applies it to every query. A scope does not
    restrict a model that has none of the scope's columns.
    """

    columns: Mapping[str, object] = field(default_factory=dict)
    """Column values that every created row gets and by which queries are filtered."""

    sees_all: bool = False
    """Whether queries find all rows. Created rows get the column values in either case."""


EVERYTHING = Scope(sees_all=True)
"""The unrestricted scope: queries find all rows, and new rows get no additional values."""
