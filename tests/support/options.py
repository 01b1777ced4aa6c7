"""The one list of options and their combinations; test_questions.py holds it to copier.yml.

A new option is added here, and every test that walks the combinations takes it up.
"""

from collections.abc import Mapping
from itertools import product

from covertable import make

type Answers = dict[str, str | bool]
type Options = Mapping[str, tuple[str | bool, ...]]

# The default stands first.
CODE: Options = {
    "orm": ("sqlalchemy", "sqlmodel", "tortoise", "piccolo"),
    "database": ("postgresql", "sqlite"),
    "auth": ("jwt", "none"),
    "redis": (False, True),
    "websockets": (False, True),
    "worker": (False, True),
}
"""Options that change the service: combined with each other, they are generated and run."""

SURFACE: Options = {
    "license": ("MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary"),
    "python_version": ("3.13", "3.12", "3.14"),
    "ci": ("github", "gitlab", "none"),
}
"""Options around the service: each pair of values, with those above too, is generated and checked."""

TEXT = ("project_name", "project_slug", "description", "author_name", "author_email")
"""Questions that are answered freely."""

REFUSED: tuple[Answers, ...] = (
    {"orm": "piccolo", "database": "sqlite"},
    {"worker": True, "redis": False},
)
"""Answers that copier refuses together."""

TOGETHER = ("orm", "database", "auth")
"""Options that cut through the same files: all their combinations are run, not just the pairs."""

CORE = ("orm", "database", "auth", "redis", "websockets")
"""Options whose combinations are all run before a change lands; others ride along in the pairs."""

TIERS = ("pairs", "core", "full")
"""How much of the matrix is run; what is only read, not run, is read for all of it in each."""

FIXED = ("orm", "database")
"""Options that a living project keeps: its migrations and rows would not come along."""

NEEDS: Mapping[tuple[str, str | bool], Answers] = {("worker", True): {"redis": True}}
"""What an answer cannot be given without."""

DEFAULTS: Answers = {name: values[0] for name, values in CODE.items()}
EVERYTHING = DEFAULTS | {name: True for name, values in CODE.items() if True in values}
OUTERMOST = (DEFAULTS, EVERYTHING)


def valid(answers: Answers) -> bool:
    return not any(refused.items() <= answers.items() for refused in REFUSED)


def combinations() -> list[Answers]:
    """Every combination of the options that change the service."""
    every = (dict(zip(CODE, values, strict=True)) for values in product(*CODE.values()))
    return [answers for answers in every if valid(answers)]


def of_tier(tier: str) -> list[Answers]:
    """The combinations whose own tests are run."""
    some = pairs(CODE)
    return [
        answers
        for answers in combinations()
        if tier == "full" or answers in some or (tier == "core" and is_core(answers))
    ]


def richest() -> list[Answers]:
    """For each ORM and database, the combination with all that can be switched on."""
    return [it for it in combinations() if it == EVERYTHING | {name: it[name] for name in FIXED}]


def is_core(answers: Answers) -> bool:
    return all(answers[name] == values[0] for name, values in CODE.items() if name not in CORE)


def around() -> list[Answers]:
    """The pairs of those and the options around the service."""
    return pairs({**CODE, **SURFACE})


def every() -> list[Answers]:
    """Every tree that is worth a look: equal ones once."""
    rows = around()
    return [*combinations(), *(row for row in rows if non_defaults(row).keys() & SURFACE.keys())]


def on_another_python(answers: Answers) -> bool:
    return "python_version" in non_defaults(answers)


def non_defaults(answers: Answers) -> Answers:
    """Those that are not the default anyhow."""
    defaults = {name: values[0] for name, values in {**CODE, **SURFACE}.items()}
    return {name: value for name, value in answers.items() if defaults.get(name) != value}


def changes() -> list[tuple[Answers, Answers]]:
    """Every change of one answer that leads from a combination to another."""
    return [
        (before, before | {name: value})
        for before in combinations()
        for name, values in CODE.items()
        for value in values
        if value != before[name] and valid(before | {name: value})
    ]


def flips(tier: str) -> list[tuple[Answers, Answers]]:
    """Those changes that a living project can make, and that are tried."""
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


def pairs(options: Options) -> list[Answers]:
    """Few combinations, among which each pair of values stands in at least one."""
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
        strength=min(2, len(options)),
        sub_models=[{"fields": list(TOGETHER), "strength": len(TOGETHER)}]
        if options.keys() >= set(TOGETHER)
        else [],
        constraints=constraints,
    )
    return sorted(
        ({name: row[name] for name in options} for row in rows),
        key=lambda answers: [options[name].index(value) for name, value in answers.items()],
    )


def name(answers: Answers) -> str:
    return ",".join(f"{option}={value}" for option, value in answers.items())
