"""A cache of SQL text for frequent queries, because the ORM takes longer to build it than to run it."""

from collections.abc import Callable, Hashable, Mapping

_statements: dict[Hashable, str] = {}


def cached_sql(key: Hashable, build: Callable[[], str]) -> str:
    """Return the SQL for this key, and build it on the first call.

    The key must contain everything that changes the SQL: for example the model, the order, and the
    `shape` of the filters. Values are parameters of the SQL, so the key does not contain them.
    """
    statement = _statements.get(key)
    if statement is None:
        statement = _statements[key] = build()
    return statement


def shape(filters: Mapping[str, object]) -> Hashable:
    """Return the columns of the filters, and which values are null: `IS NULL` has no parameter."""
    return tuple((name, value is None) for name, value in filters.items())
