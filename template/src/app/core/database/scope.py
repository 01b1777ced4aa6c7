"""Scopes: whose rows a repository works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OWNER = "owner_id"
"""The column of models whose rows belong to users; null in a row that only admins see."""


@dataclass(frozen=True)
class Scope:
    """Given to a repository where it is built, so that no query can forget it.

    It does not restrict a model that has none of its columns.
    """

    columns: Mapping[str, object] = field(default_factory=dict)
    """Columns and their values: every created row gets them, and only rows with them are found."""

    sees_all: bool = False
    """Whether rows with other values are found as well."""


EVERYTHING = Scope(sees_all=True)
"""All rows; and a new row is created as it is given."""
