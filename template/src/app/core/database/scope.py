"""A scope limits the rows that a repository finds, and sets column values in new rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OWNER = "owner_id"
"""Name of the column that contains the id of a row's owner.

Only admins can access a row whose owner is NULL.
"""


@dataclass(frozen=True)
class Scope:
    """Restricts a repository to rows with given column values, such as the rows of one owner.

    The constructor of a repository takes a scope. The scope applies to every query of the
    repository. A scope has no effect on a model that has none of the scope's columns.
    """

    columns: Mapping[str, object] = field(default_factory=dict)
    """Column values that are set in new rows and used as filters in queries."""

    sees_all: bool = False
    """Whether queries return all rows instead of only the rows that match `columns`.

    New rows get the column values in `columns` even if `sees_all` is true.
    """


EVERYTHING = Scope(sees_all=True)
"""The unrestricted scope, which does not filter queries and sets no columns in new rows."""
