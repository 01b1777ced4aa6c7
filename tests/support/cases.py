"""The combinations of answers that tests are parametrized with."""

from functools import cache

from tests.support import options
from tests.support.options import Answers
from tests.support.servers import real_postgres, real_redis


@cache
def cases_of(tier: str) -> dict[str, list[Answers]]:
    """The combinations for each parameter name that a test can take."""
    few = tier == options.TIERS[0]
    pairs = options.pairs(options.CODE)
    code = options.combinations()
    every = options.every()
    real = real_postgres() and real_redis()
    return {
        "combination": options.of_tier(tier),
        "every": every,
        "code": code,
        # License and pipeline change no Python. For another version of it the libraries have to be
        # gone through first, which takes long.
        "typed": code if few else [*code, *filter(options.on_another_python, every)],
        "surface": options.around(),
        "pair": [options.EVERYTHING] if few else pairs,
        # Real ones start in no time; the client's walk has others.
        "embedded": [] if few and real else pairs,
        # An ORM on a database.
        "stock": [{name: it[name] for name in options.FIXED} for it in options.richest()],
    }
