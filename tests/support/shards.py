"""Split the tests into shards, which run on several machines."""

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
        """Return the tests of this shard, in the order of the list.

        The tests are dealt to the shards in turn, sorted by function, so each shard gets about the
        same number of the slow tests. The tests of a function are sorted by hash, because the names
        of combinations repeat at regular intervals, which would put all combinations with a slow
        option into the same shards.
        """
        every = list(tests)
        own = set(islice(sorted(map(key, every)), self.number - 1, None, self.count))
        return [test for test in every if key(test) in own]


WHOLE = Shard(1, 1)


def key(test: HasNodeId) -> tuple[str, str, str]:
    function, _, _ = test.nodeid.partition("[")
    return function, hashlib.sha256(test.nodeid.encode()).hexdigest(), test.nodeid


def parse(text: str) -> Shard:
    """Return the shard that a text like `3/8` describes."""
    match = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
    if not match or int(match[1]) > int(match[2]):
        message = f"{text!r} is not a shard such as 3/8, the third of eight parts of the tests"
        raise argparse.ArgumentTypeError(message)
    return Shard(int(match[1]), int(match[2]))
