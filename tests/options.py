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

NEEDS: Mapping[tuple[str, str | bool], Answers] = {("worker", True): {"redis": True}}
"""What an answer cannot be given without."""


def valid(answers: Answers) -> bool:
    return not any(refused.items() <= answers.items() for refused in REFUSED)


def combinations() -> list[Answers]:
    """Every combination of the options that change the service."""
    every = (dict(zip(CODE, values, strict=True)) for values in product(*CODE.values()))
    return [answers for answers in every if valid(answers)]


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
    rows = make(dict(options), strength=min(2, len(options)), constraints=constraints)
    return sorted(
        ({name: row[name] for name in options} for row in rows),
        key=lambda answers: [options[name].index(value) for name, value in answers.items()],
    )


def name(answers: Answers) -> str:
    return ",".join(f"{option}={value}" for option, value in answers.items())
