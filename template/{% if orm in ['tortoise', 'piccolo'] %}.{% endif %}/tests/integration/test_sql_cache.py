"""Tests that `sql_cache.py` is needed, because the ORM itself does not cache the SQL of queries.

If this test fails because a new version of the ORM caches SQL or builds SQL faster, check whether
`sql_cache.py` can be removed.
"""

import sys
from collections.abc import Callable, Hashable
from types import FrameType

import pytest

from app.core.database import Database, queries
from app.core.ids import uuid7
from app.features.items.models import Item

MANY = 100
"""A number of function calls that takes longer than looking up SQL in a dictionary."""


class ItemQueries(queries.Queries[Item]):
    model = Item


async def test_the_orm_calls_many_functions_to_build_the_same_sql_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def build_again(_key: Hashable, build: Callable[[], str]) -> str:
        build()
        calls.append(count_calls(build))
        return build()

    monkeypatch.setattr(queries, "cached_sql", build_again)
    async with database.reading_session() as session:
        await ItemQueries(session, {})._find({}, uuid7())

    assert calls
    assert min(calls) > MANY


def count_calls(function: Callable[[], object]) -> int:
    """Return the number of Python function calls that are made while `function` runs."""
    events: list[str] = []

    def record(_frame: FrameType, event: str, _argument: object) -> None:
        events.append(event)

    before = sys.getprofile()
    sys.setprofile(record)
    try:
        function()
    finally:
        sys.setprofile(before)
    return events.count("call")
