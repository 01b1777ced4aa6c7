"""Divides the tests into shards, which can run on several machines."""

import argparse
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol


class HasNodeId(Protocol):
    """A test that pytest has collected."""

    @property
    def nodeid(self) -> str: ...


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of the tests. The first part has the number 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def select[T: HasNodeId](self, tests: Iterable[T]) -> list[T]:
        """Return the tests of this shard, in the given order.

        The tests are sorted by test function, and assigned to the shards in turn. Therefore, each
        shard contains about the same number of tests of each function, and of slow tests. The tests
        of a function are sorted by a hash of their ids. In alphabetical order, an option such as
        `redis` changes at regular intervals, so all combinations with this option could be in the
        same shards.
        """
        every = list(tests)
        own = set(islice(sorted(map(key, every)), self.number - 1, None, self.count))
        return [test for test in every if key(test) in own]


WHOLE = Shard(1, 1)


def key(test: HasNodeId) -> tuple[str, str, str]:
    function, _, _ = test.nodeid.partition("[")
    return function, hashlib.sha256(test.nodeid.encode()).hexdigest(), test.nodeid


def parse(text: str) -> Shard:
    """Parse a shard such as `3/8`. Raise ArgumentTypeError if the text is malformed."""
    match = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
    if not match or int(match[1]) > int(match[2]):
        message = f"{text!r} is not a shard such as 3/8, the third of eight parts of the tests"
        raise argparse.ArgumentTypeError(message)
    return Shard(int(match[1]), int(match[2]))
