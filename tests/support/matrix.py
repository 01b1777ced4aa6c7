"""Matrix report: which checks each combination of options passed, and how long the checks took.

The marker `@pytest.mark.matrix("tags")` puts the result of a test into the column "tags". If the
tests run in several shards, each shard writes its results to a JSON file. The following command
merges these files into one report:

    uv run just matrix-report shard-1.json shard-2.json ...

The command writes no report if results are missing, and exits with status 1 if a test failed.
"""

import argparse
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support import options, shards

PROPERTY = "cell"
"""Name of the pytest user property that stores a test's row and column in the table."""

ROWS = ("tree_answers", "typed", "code", "combination", "embedded", "pair")
"""Names of the test parameters whose value is a combination of answers."""

type Row = tuple[str | bool, ...]
type Table = dict[Row, dict[str, Cell]]


def machine() -> str:
    cores = f"{os.cpu_count()} cores"
    return f"{platform.system()}, {cores}, Python {platform.python_version()}"


@dataclass
class Cell:
    """Result of one check for one combination of options, or the sum of several results."""

    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, report: pytest.TestReport) -> None:
        self += type(self)(
            report.duration,
            report.passed and report.when == "call",
            report.failed,
            report.skipped,
        )

    def __iadd__(self, other: Self) -> Self:
        self.seconds += other.seconds
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self) -> str:
        if self.failed:
            return "**FAILED**"
        if self.skipped:
            return "skipped"
        return f"{f'{self.passed}: ' if self.passed > 1 else ''}{self.seconds:.1f}"


@dataclass
class Run:
    """A test run, or one shard of a test run."""

    commit: str
    """Output of `git describe` at the start of the run."""
    matrix: str
    """Value of `--matrix`."""
    shard: str
    collected: int
    """Number of tests in all shards."""
    selected: int
    """Number of tests in this shard."""


@dataclass
class Results(Run):
    """The results of a test run, or of one shard of a test run."""

    passed: int
    failed: int
    skipped: int
    cells: list[tuple[list[str | bool], str, list[float]]] = field(default_factory=list)
    """For each cell of the table: the combination, the check, and the values of the `Cell`."""
    date: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d}")
    machine: str = field(default_factory=machine)

    @property
    def finished(self) -> int:
        return self.passed + self.failed + self.skipped


def property_of(parameters: Mapping[str, Any], check: str) -> tuple[str, list[object]]:
    """Return a user property that contains a test's row and column, in types that JSON supports."""
    before, _ = parameters.get("flip", (None, None))
    answers = before or next(parameters[name] for name in ROWS if name in parameters)
    return PROPERTY, [[answers[name] for name in options.CODE], check]


def results_of(reports: Iterable[pytest.TestReport], run: Run) -> Results:
    """Return the results of a test run."""
    outcomes: dict[str, set[str]] = defaultdict(set)
    cells: Table = defaultdict(lambda: defaultdict(Cell))
    for report in reports:
        outcomes[report.nodeid].add(report.outcome)
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY:
                answers, check = value
                cells[tuple(answers)][check].add(report)
    failed = sum("failed" in outcome for outcome in outcomes.values())
    skipped = sum(outcome & {"failed", "skipped"} == {"skipped"} for outcome in outcomes.values())
    return Results(
        **asdict(run),
        passed=len(outcomes) - failed - skipped,
        failed=failed,
        skipped=skipped,
        cells=[
            (list(row), check, [round(cell.seconds, 2), cell.passed, cell.failed, cell.skipped])
            for row, checks in cells.items()
            for check, cell in checks.items()
        ],
    )


def merge(parts: Sequence[Results]) -> Results:
    """Return the sum of the results of all shards.

    Raise ValueError if the results are from different test runs, or if the result of a test is
    missing.
    """
    first = parts[0]
    for name in ("commit", "matrix", "collected"):
        values = {getattr(part, name) for part in parts}
        if len(values) > 1:
            raise ValueError(f"The shards have different values of {name}: {sorted(values)}")
    _, _, count = first.shard.partition("/")
    expected = [f"{number}/{count}" for number in range(1, int(count) + 1)]
    shown = [part.shard for part in parts]
    if sorted(shown) != sorted(expected):
        raise ValueError(f"Expected the results of shards 1 to {count}, each once, but got {shown}")
    for part in parts:
        if part.finished != part.selected:
            raise ValueError(
                f"Shard {part.shard} finished only {part.finished} of {part.selected} tests"
            )
    if sum(part.selected for part in parts) != first.collected:
        raise ValueError(f"Together, the shards do not contain all {first.collected} tests")
    return Results(
        first.commit,
        first.matrix,
        str(shards.WHOLE),
        first.collected,
        first.collected,
        passed=sum(part.passed for part in parts),
        failed=sum(part.failed for part in parts),
        skipped=sum(part.skipped for part in parts),
        cells=[cell for part in parts for cell in part.cells],
        date=max(part.date for part in parts),
        machine=f"{len(parts)} shards: {'; '.join(sorted({part.machine for part in parts}))}"
        if len(parts) > 1
        else first.machine,
    )


def cells_of(results: Results) -> Table:
    table: Table = defaultdict(lambda: defaultdict(Cell))
    for row, check, (seconds, passed, failed, skipped) in results.cells:
        table[tuple(row)][check] += Cell(seconds, int(passed), int(failed), int(skipped))
    return table


def table(results: Results) -> str:
    """Return a Markdown table with a row for each combination and a column for each check.

    A cell shows how many seconds the check took, or that the check failed or was skipped.
    """
    rows = cells_of(results)
    checks = sorted({check for cells in rows.values() for check in cells})
    every = [tuple(answers.values()) for answers in options.combinations()]
    return markdown(
        [*options.CODE, *checks],
        (
            [
                *map(shown, row),
                *(str(rows[row][check]) if check in rows[row] else "" for check in checks),
            ]
            for row in sorted(rows, key=every.index)
        ),
    )


def summary(results: Results) -> str:
    """Return a Markdown table with the number of tests for each ORM and database."""
    combinations: dict[Row, int] = defaultdict(int)
    sums: dict[Row, Cell] = defaultdict(Cell)
    names = list(options.CODE)
    for row, checks in cells_of(results).items():
        group = tuple(row[names.index(name)] for name in options.FIXED)
        combinations[group] += 1
        for cell in checks.values():
            sums[group] += cell
    every = [tuple(answers[name] for name in options.FIXED) for answers in options.combinations()]
    return markdown(
        [*options.FIXED, "combinations", "passed", "failed", "skipped", "minutes"],
        (
            [
                *map(shown, group),
                *map(str, (combinations[group], cell.passed, cell.failed, cell.skipped)),
                f"{cell.seconds / 60:.0f}",
            ]
            for group, cell in sorted(sums.items(), key=lambda item: every.index(item[0]))
        ),
    )


def markdown(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(answer: str | bool) -> str:
    return answer if isinstance(answer, str) else {True: "yes", False: ""}[answer]


def report(results: Results) -> str:
    """Return the text of a report file, in Markdown."""
    return f"""\
# Test results for every combination

Generated by `uv run pytest --matrix={results.matrix}`. Do not edit this file.

- Date: {results.date}
- Commit: {results.commit}
- Machine: {results.machine}
- Tests: {results.passed} passed, {results.failed} failed, {results.skipped} skipped

The first table counts the tests of all combinations of options, by ORM and database. The minutes
are the sum of the tests' durations. The test run took less time, because tests run in parallel.

{summary(results)}

Each row of the second table is a combination of options, and each column is a check. A cell shows
the seconds that the check took; a number before a colon is the number of tests that passed.
CONTRIBUTING.md describes the checks.

{table(results)}
"""


def write(results: Results, file: Path) -> None:
    """Write the results as JSON if the file's name ends with `.json`, otherwise as Markdown."""
    text = json.dumps(asdict(results)) if file.suffix == ".json" else report(results)
    file.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.matrix",
        description="Merge the results of all shards into one report.",
    )
    parser.add_argument("report", type=Path, help="Markdown file to write, such as docs/matrix.md")
    parser.add_argument("results", type=Path, nargs="+", help="results of a shard, as JSON")
    given = parser.parse_args(arguments)
    try:
        results = merge([Results(**json.loads(file.read_text("utf-8"))) for file in given.results])
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f"No report was written. {error}")
    write(results, given.report)
    if results.failed:
        sys.exit(f"{results.failed} tests failed. {given.report} shows the failed checks.")


if __name__ == "__main__":
    main()
