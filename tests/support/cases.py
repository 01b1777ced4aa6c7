"""Combinations of answers with which tests are parametrized."""

from collections.abc import Sequence
from functools import cache

from tests.support import options
from tests.support.options import Answers
from tests.support.servers import real_postgres, real_redis


@cache
def cases_of(tier: str) -> dict[str, Sequence[Answers]]:
    """Return the combinations of answers for each test parameter, such as `code` and `pair`."""
    few, full = (tier == options.TIERS[0], tier == options.TIERS[-1])
    fewest, pairs = (options.fewest_pairs(), options.pairs(options.CODE))
    tree_answers = options.distinct_trees()
    code = options.combinations() if full else options.triples()
    real = real_postgres() and real_redis()
    return {
        "combination": options.of_tier(tier),
        "tree_answers": tree_answers,
        "code": code,
        # The license and the CI pipeline change no Python code, so type checks ignore both.
        # Another Python version is slow to check, because mypy analyzes all libraries again.
        "typed": code if few else [*code, *filter(options.on_another_python, tree_answers)],
        "surface": options.surface_pairs(),
        "pair": [options.EVERYTHING] if few else pairs if full else fewest,
        # If external servers are available, a short run skips the slower tests on embedded servers.
        "embedded": pairs if full else [] if few and real else fewest,
        # These combinations contain each supported pair of ORM and database.
        "orm_and_database": [
            {name: answers[name] for name in options.FIXED}
            for answers in options.with_everything_on()
        ],
    }
