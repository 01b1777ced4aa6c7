"""The table of the combinations: what was checked of each, how it went, and how long it took.

A test of a combination says with `@pytest.mark.matrix("check")` which column it is.
"""

import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support import options

PROPERTY = "cell"
"""Under which name a test's report brings its row and column."""

ROWS = ("every", "typed", "code", "combination", "embedded", "pair")
"""What a test calls the combination that it is given."""

type Row = tuple[str | bool, ...]


@dataclass
class Cell:
    """What is known of one check of one combination."""

    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, report: pytest.TestReport) -> None:
        self.seconds += report.duration
        self.failed += report.failed
        self.skipped += report.skipped
        self.passed += report.passed and report.when == "call"

    def __str__(self) -> str:
        if self.failed:
            return "**FAILED**"
        if self.skipped:
            return "skipped"
        return f"{f'{self.passed}: ' if self.passed > 1 else ''}{self.seconds:.1f}"


def property_of(given: Mapping[str, Any], check: str) -> tuple[str, list[object]]:
    """What the report has to bring of a test that is given these; it travels as JSON."""
    before, _ = given.get("flip", (None, None))
    answers = before or next(given[name] for name in ROWS if name in given)
    return PROPERTY, [[answers[name] for name in options.CODE], check]


def table(reports: Iterable[pytest.TestReport]) -> str:
    """Markdown: a line for each combination, a column for each check; seconds, or what failed."""
    rows: dict[Row, dict[str, Cell]] = defaultdict(lambda: defaultdict(Cell))
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY:
                answers, check = value
                rows[tuple(answers)][check].add(report)

    checks = sorted({check for cells in rows.values() for check in cells})
    every = [tuple(answers.values()) for answers in options.combinations()]
    lines = [[*options.CODE, *checks], ["---"] * (len(options.CODE) + len(checks))]
    for row in sorted(rows, key=every.index):
        cells = [str(rows[row][check]) if check in rows[row] else "" for check in checks]
        lines.append([*(shown(value) for value in row), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(answer: str | bool) -> str:
    return answer if isinstance(answer, str) else {True: "yes", False: ""}[answer]


def heading(commit: str) -> str:
    """What stands above the table where it is kept."""
    return f"""\
# The whole matrix

Made by `uv run pytest --matrix=full --matrix-report=docs/matrix.md`, and by nobody's hand.

- Date: {datetime.now(UTC):%Y-%m-%d}
- Commit: {commit}
- Machine: {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}

Each line is a combination, each column a check, each cell the seconds it took; before a colon, how
many there were of it. CONTRIBUTING.md says what is checked.
"""
