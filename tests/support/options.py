"""The options of the template and their combinations.

test_questions.py checks that copier.yml has the same options as this module. Every test that is
parametrized with combinations of options covers all options in this module.
"""

from collections.abc import Mapping
from functools import cache
from itertools import combinations as groups_of
from itertools import product
from random import Random

from covertable import make

type Answers = dict[str, str | bool]
type Options = Mapping[str, tuple[str | bool, ...]]

# The first value of each option is its default.
CODE: Options = {
    "orm": ("sqlalchemy", "sqlmodel", "tortoise", "piccolo"),
    "database": ("postgresql", "sqlite"),
    "auth": ("jwt", "none"),
    "redis": (False, True),
    "websockets": (False, True),
    "worker": (False, True),
    "telemetry": (False, True),
    "uploads": (False, True),
}
"""Options that change the service's code. Tests render every combination of these options."""

SURFACE: Options = {
    "license": ("MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary"),
    "python_version": ("3.13", "3.12", "3.14"),
    "kubernetes": (False, True),
    "ci": ("github", "gitlab", "none"),
}
"""Options that change no code, such as the license. Tests cover each pair of their values."""

TEXT = ("project_name", "project_slug", "description", "author_name", "author_email")
"""Questions whose answer is free text."""

REFUSED: tuple[Answers, ...] = (
    {"orm": "piccolo", "database": "sqlite"},
    {"worker": True, "redis": False},
)
"""Combinations of answers that copier rejects."""

TOGETHER = ("orm", "database", "auth")
"""Options that change the same files. `pairs` returns every combination of their values."""

CORE = ("orm", "database", "auth", "redis", "websockets")
"""With `--matrix=core`, update tests switch these options, in every combination of their values."""

TIERS = ("pairs", "core", "full")
"""Values of `--matrix`, which select the generated projects whose tests run."""

FIXED = ("orm", "database")
"""Options that a project cannot change later, because migrations and data depend on them."""

NEEDS: Mapping[tuple[str, str | bool], Answers] = {("worker", True): {"redis": True}}
"""Answers that require other answers: the worker requires Redis."""

SEARCH_STEPS = 200
"""Number of steps in which `with_fewer_rows` searches for a smaller set of combinations."""

DEFAULTS: Answers = {name: values[0] for name, values in CODE.items()}
EVERYTHING = DEFAULTS | {name: True for name, values in CODE.items() if True in values}
OUTERMOST = (DEFAULTS, EVERYTHING)


def valid(answers: Answers) -> bool:
    return not any(refused.items() <= answers.items() for refused in REFUSED)


def combinations() -> list[Answers]:
    """Return every valid combination of the options in CODE."""
    every = (dict(zip(CODE, values, strict=True)) for values in product(*CODE.values()))
    return [answers for answers in every if valid(answers)]


def of_tier(tier: str) -> list[Answers]:
    """Return the combinations for which a `--matrix` value runs the tests of generated projects."""
    chosen = triples() if tier == "core" else fewest_pairs()
    return [answers for answers in combinations() if tier == "full" or answers in chosen]


def with_everything_on() -> list[Answers]:
    """Return, for each ORM and database, the combination in which every option is switched on."""
    return [
        answers
        for answers in combinations()
        if answers == EVERYTHING | {name: answers[name] for name in FIXED}
    ]


def is_core(answers: Answers) -> bool:
    return all(answers[name] == values[0] for name, values in CODE.items() if name not in CORE)


def surface_pairs() -> list[Answers]:
    """Return combinations of the options in CODE and SURFACE that cover each pair of values."""
    return pairs({**CODE, **SURFACE})


def distinct_trees() -> list[Answers]:
    """Return combinations of answers for static checks. Each combination renders other files."""
    rows = surface_pairs()
    return [*combinations(), *(row for row in rows if non_defaults(row).keys() & SURFACE.keys())]


def on_another_python(answers: Answers) -> bool:
    return "python_version" in non_defaults(answers)


def non_defaults(answers: Answers) -> Answers:
    """Return the answers that differ from the default answer to the question."""
    defaults = {name: values[0] for name, values in {**CODE, **SURFACE}.items()}
    return {name: value for name, value in answers.items() if defaults.get(name) != value}


def changes() -> list[tuple[Answers, Answers]]:
    """Return every valid change of one answer, as a pair of combinations (before, after)."""
    return [
        (before, before | {name: value})
        for before in combinations()
        for name, values in CODE.items()
        for value in values
        if value != before[name] and valid(before | {name: value})
    ]


def flips(tier: str) -> list[tuple[Answers, Answers]]:
    """Return the changes of one answer that the update tests make with this `--matrix` value."""
    return [
        *(
            (before, after)
            for before, after in changes()
            if all(before[name] == after[name] for name in FIXED)
            if tier == "full"
            or before in OUTERMOST
            or (tier == "core" and is_core(before) and is_core(after))
        ),
        *(
            (DEFAULTS, DEFAULTS | {name: value})
            for name, values in SURFACE.items()
            for value in values[1:]
            if tier != TIERS[0]
        ),
    ]


def flip_name(flip: tuple[Answers, Answers]) -> str:
    before, after = flip
    first = {option: values[0] for option, values in SURFACE.items()} | before
    changed = [
        f"{option}:{first[option]}>{value}"
        for option, value in after.items()
        if value != first[option]
    ]
    return f"{name(before)},{','.join(changed)}"


@cache
def fewest_pairs() -> tuple[Answers, ...]:
    """Return a small set of combinations in which each pair of values occurs (pairwise testing)."""
    rows = covering(CODE, strength=2, presets=OUTERMOST)
    return with_fewer_rows(rows, strength=2, kept=OUTERMOST)


def pairs(options: Options) -> list[Answers]:
    """Return combinations in which each pair of values occurs.

    The result also contains every combination of the values of the options in TOGETHER.
    """
    return covering(options, strength=2, together=TOGETHER)


@cache
def triples() -> tuple[Answers, ...]:
    """Return a small set of combinations in which each triple of values occurs.

    The set contains `fewest_pairs()`, so that the tests of both sets run for fewer combinations.
    """
    kept = fewest_pairs()
    return with_fewer_rows(covering(CODE, strength=3, presets=kept), strength=3, kept=kept)


def with_fewer_rows(
    rows: list[Answers], strength: int, kept: tuple[Answers, ...]
) -> tuple[Answers, ...]:
    """Return fewer combinations that cover the same groups of `strength` options, if possible.

    Each attempt removes one combination, and then exchanges combinations one by one until every
    group is covered again. If an attempt fails, the function returns the last complete set. The
    function never removes a combination in `kept`.
    """
    random = Random(0)  # A fixed seed, because all pytest workers must collect the same tests.
    every = combinations()
    bits: dict[tuple[object, ...], int] = {}
    # Each combination is represented by an integer, with one bit for each group that it covers.
    covered = [
        sum(1 << bits.setdefault(group, len(bits)) for group in groups_of(row.items(), strength))
        for row in every
    ]
    fixed = [every.index(row) for row in kept]
    smallest = [every.index(row) for row in rows if row not in kept]
    everything = (1 << len(bits)) - 1

    def missing(chosen: list[int]) -> int:
        union = 0
        for index in (*fixed, *chosen):
            union |= covered[index]
        return everything & ~union

    chosen = smallest[1:]
    for _ in range(SEARCH_STEPS):
        left = missing(chosen)
        if not left:
            smallest, chosen = chosen, chosen[1:]
            continue
        group = random.choice([bit for bit in range(len(bits)) if left >> bit & 1])
        candidates = [index for index, mask in enumerate(covered) if mask >> group & 1]
        # The last element is the newest, and is not exchanged in the next step.
        exchanges = [
            ((missing(rest) & ~covered[new]).bit_count(), random.random(), [*rest, new])
            for position in range(len(chosen) - 1)
            for rest in [chosen[:position] + chosen[position + 1 :]]
            for new in candidates
        ]
        _, _, chosen = min(exchanges)
    return tuple(every[index] for index in sorted([*fixed, *smallest]))


def covering(
    options: Options,
    strength: int,
    together: tuple[str, ...] = (),
    presets: tuple[Answers, ...] = (),
) -> list[Answers]:
    """Return a small set of combinations that covers each group of `strength` options.

    For each group, every combination of its values occurs in the result. The result also contains
    `presets`, and every combination of the values of the options in `together`.
    """
    constraints = [
        {"operator": "not", "condition": {"operator": "and", "conditions": equal}}
        for refused in REFUSED
        if refused.keys() <= options.keys()
        for equal in [
            [{"operator": "eq", "left": name, "value": value} for name, value in refused.items()]
        ]
    ]
    rows = make(
        dict(options),
        strength=min(strength, len(options)),
        sub_models=[{"fields": list(together), "strength": len(together)}]
        if together and options.keys() >= set(together)
        else [],
        presets=[dict(answers) for answers in presets],
        constraints=constraints,
    )
    return sorted(
        ({name: row[name] for name in options} for row in rows),
        key=lambda answers: [options[name].index(value) for name, value in answers.items()],
    )


def name(answers: Answers) -> str:
    return ",".join(f"{option}={value}" for option, value in answers.items())
