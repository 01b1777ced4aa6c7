"""A cache for the SQL of frequent queries, because building SQL takes longer than executing it."""

from collections.abc import Callable, Hashable, Mapping

_statements: dict[Hashable, str] = {}


def cached_sql(key: Hashable, build: Callable[[], str]) -> str:
    """Return the cached SQL for the key. The first call with a key builds the SQL.

    The cache key must contain everything that changes the SQL, such as the model, the sort order,
    and the filter columns (see `shape`). The key must not contain filter values, because the SQL
    contains parameters in their place.
    """
    statement = _statements.get(key)
    if statement is None:
        statement = _statements[key] = build()
    return statement


def shape(filters: Mapping[str, object]) -> Hashable:
    """Return, for each filter column, its name and whether the condition is `IS NULL`."""
    return tuple((name, value is None) for name, value in filters.items())
