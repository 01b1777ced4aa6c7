"""Test the tables of test results, and the division of the tests into shards."""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest

from tests.support import matrix, options, shards
from tests.support.options import Answers
from tests.support.paths import ROOT
from tests.support.running import attempt

SQLITE = options.DEFAULTS | {"database": "sqlite"}
THIS_FILE = "tests/test_matrix.py"


def report(
    answers: Answers,
    check: str,
    outcome: Literal["passed", "failed", "skipped"],
    seconds: float,
    when: Literal["setup", "call", "teardown"] = "call",
) -> pytest.TestReport:
    return pytest.TestReport(
        f"{check}[{options.name(answers)}]",
        ("a", 0, "a"),
        {},
        outcome,
        None,
        when,
        user_properties=[matrix.property_of({"code": answers}, check)],
        duration=seconds,
    )


def results(*reports: pytest.TestReport, shard: str = "1/1", collected: int = 1) -> matrix.Results:
    tests = len({report.nodeid for report in reports})
    return matrix.results_of(reports, matrix.Run("v1", "full", shard, collected, tests))


# --- The tables ---


def test_table_has_a_row_for_each_combination_and_a_column_for_each_check() -> None:
    table = matrix.table(
        results(
            report(options.EVERYTHING, "types", "skipped", 0.1),
            report(options.DEFAULTS, "types", "passed", 0.25, "setup"),
            report(options.DEFAULTS, "types", "passed", 1),
            report(options.DEFAULTS, "updates", "passed", 1),
            report(options.DEFAULTS, "updates", "passed", 2),
            report(options.EVERYTHING, "updates", "passed", 1),
            report(options.EVERYTHING, "updates", "failed", 1, "teardown"),
        )
    )

    width = len(options.CODE) + 2
    head, line, defaults, everything = (row.strip("| ").split(" | ") for row in table.splitlines())
    assert head == [*options.CODE, "types", "updates"]
    assert line == ["---"] * width
    assert defaults[:3] == ["sqlalchemy", "postgresql", "jwt"]
    assert defaults[-2:] == ["1.2", "2: 3.0"]
    assert everything[-2:] == ["skipped", "**FAILED**"]
    assert [len(row) for row in (defaults, everything)] == [width, width]


def test_an_update_is_in_the_row_of_the_combination_before_it() -> None:
    flip = (options.EVERYTHING, options.DEFAULTS)

    assert matrix.property_of({"flip": flip}, "updates") == matrix.property_of(
        {"pair": options.EVERYTHING}, "updates"
    )


def test_summary_adds_up_the_tests_of_each_orm_and_database() -> None:
    summary = matrix.summary(
        results(
            report(SQLITE, "types", "failed", 60),
            report(options.DEFAULTS, "types", "passed", 60),
            report(options.EVERYTHING, "types", "passed", 60),
            report(options.EVERYTHING, "updates", "skipped", 0),
        )
    )

    assert summary.splitlines() == [
        "| orm | database | combinations | passed | failed | skipped | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| sqlalchemy | postgresql | 2 | 2 | 0 | 1 | 2 |",
        "| sqlalchemy | sqlite | 1 | 0 | 1 | 0 | 1 |",
    ]


# --- The results of several shards are merged ---


def test_the_merged_report_of_all_shards_equals_the_report_of_a_whole_run(tmp_path: Path) -> None:
    reports = [
        report(options.DEFAULTS, "types", "passed", 1),
        report(options.DEFAULTS, "updates", "passed", 2),
        report(SQLITE, "types", "skipped", 3),
    ]
    parts = [
        results(*reports[:1], shard="1/2", collected=3),
        results(*reports[1:], shard="2/2", collected=3),
    ]
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for part, file in zip(parts, files, strict=True):
        matrix.write(part, file)

    matrix.main([str(tmp_path / "matrix.md"), *map(str, files)])

    whole = matrix.report(results(*reports, collected=3))
    merged = (tmp_path / "matrix.md").read_text(encoding="utf-8")
    assert merged.replace("- Machine: 2 shards: ", "- Machine: ") == whole
    assert "- Tests: 2 passed, 0 failed, 1 skipped\n" in merged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"shard": "1/2"}], "Expected the results of shards 1 to 2, each once"),
        ([{"shard": "1/2"}, {"shard": "1/2"}], "Expected the results of shards 1 to 2, each once"),
        ([{"shard": "1/2"}, {"shard": "2/2", "commit": "v2"}], "different values of commit"),
        ([{"shard": "1/2"}, {"shard": "2/2", "matrix": "core"}], "different values of matrix"),
        ([{"selected": 2}], "Shard 1/1 finished only 1 of 2 tests"),
        ([{"collected": 2}], "the shards do not contain all 2 tests"),
        ([{"colour": "red"}], "colour"),
    ],
    ids=str,
)
def test_incomplete_results_are_refused(
    changes: list[dict[str, object]], message: str, tmp_path: Path
) -> None:
    part = tmp_path / "part.json"
    matrix.write(results(report(options.DEFAULTS, "types", "passed", 1)), part)
    files = [tmp_path / f"{number}.json" for number in range(len(changes))]
    for file, change in zip(files, changes, strict=True):
        file.write_text(json.dumps({**json.loads(part.read_text()), **change}))

    with pytest.raises(SystemExit, match=re.escape(message)):
        matrix.main([str(tmp_path / "matrix.md"), *map(str, files)])

    assert not (tmp_path / "matrix.md").exists()


def test_a_report_with_a_failed_test_is_written_and_the_command_fails(tmp_path: Path) -> None:
    matrix.write(results(report(SQLITE, "types", "failed", 1)), tmp_path / "1.json")

    with pytest.raises(SystemExit, match="1 tests failed"):
        matrix.main([str(tmp_path / "matrix.md"), str(tmp_path / "1.json")])

    assert "**FAILED**" in (tmp_path / "matrix.md").read_text(encoding="utf-8")


# --- Each test is in exactly one shard ---


def collected(*arguments: str) -> list[str]:
    done = attempt(
        sys.executable, "-m", "pytest", "-n0", "--collect-only", "-q", *arguments, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_test_is_in_exactly_one_shard() -> None:
    tests = collected("--matrix=full")

    class Item:
        def __init__(self, nodeid: str) -> None:
            self.nodeid = nodeid

    items = [Item(test) for test in tests]
    parts = [shards.Shard(number, 8).select(items) for number in range(1, 9)]

    assert Counter(item.nodeid for part in parts for item in part) == Counter(tests)
    assert len(set(tests)) == len(tests)
    assert collected("--matrix=full", "--shard=3/8") == [item.nodeid for item in parts[2]]
    for function in {test.partition("[")[0] for test in tests}:
        sizes = {sum(item.nodeid.startswith(f"{function}[") for item in part) for part in parts}
        assert max(sizes) - min(sizes) <= 1, function


@pytest.mark.parametrize("arguments", [["-n0"], ["-n2"]], ids=["one process", "xdist"])
def test_the_results_of_a_shard_contain_the_numbers_of_tests(
    arguments: list[str], tmp_path: Path
) -> None:
    sums: Counter[str] = Counter()
    for number in (1, 2):
        file = tmp_path / f"{number}.json"
        command = ["pytest", "--shard", f"{number}/2", f"--matrix-report={file}"]
        tests = [f"{THIS_FILE}::{test_a_malformed_shard_is_refused.__name__}"]
        done = attempt(sys.executable, "-m", *command, *arguments, *tests, cwd=ROOT)
        assert done.returncode == 0, done.stdout
        part = json.loads(file.read_text(encoding="utf-8"))
        assert (part["shard"], part["collected"]) == (f"{number}/2", len(MALFORMED))
        sums.update({name: part[name] for name in ("selected", "passed")})

    assert sums == {"selected": len(MALFORMED), "passed": len(MALFORMED)}


MALFORMED = ["3", "0/8", "9/8", "3/0", "-1/8", "3/8/2", " 3/8", "three/8", "1/99999", ""]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_shard_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(f"{text!r} is not a shard")):
        shards.parse(text)


def test_pytest_prints_why_it_refuses_a_shard() -> None:
    done = attempt(sys.executable, "-m", "pytest", "--shard=9/8", cwd=ROOT)

    assert done.returncode == 4
    assert "argument --shard: '9/8' is not a shard such as 3/8" in done.stdout
