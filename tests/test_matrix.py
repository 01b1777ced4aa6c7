"""Test the table that shows the results of all checks."""

from typing import Literal

import pytest

from tests.support import matrix, options
from tests.support.options import Answers


def report(
    answers: Answers,
    check: str,
    outcome: Literal["passed", "failed", "skipped"],
    seconds: float,
    when: Literal["setup", "call", "teardown"] = "call",
) -> pytest.TestReport:
    user_property = matrix.property_of({"code": answers}, check)
    return pytest.TestReport(
        "a",
        ("a", 0, "a"),
        {},
        outcome,
        None,
        when,
        user_properties=[user_property],
        duration=seconds,
    )


def test_table_has_a_row_for_each_combination_and_a_column_for_each_check() -> None:
    table = matrix.table(
        [
            report(options.EVERYTHING, "types", "skipped", 0.1),
            report(options.DEFAULTS, "types", "passed", 0.25, "setup"),
            report(options.DEFAULTS, "types", "passed", 1),
            report(options.DEFAULTS, "updates", "passed", 1),
            report(options.DEFAULTS, "updates", "passed", 2),
            report(options.EVERYTHING, "updates", "passed", 1),
            report(options.EVERYTHING, "updates", "failed", 1, "teardown"),
        ]
    )

    assert table.splitlines() == [
        "| orm | database | auth | redis | websockets | worker | types | updates |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| sqlalchemy | postgresql | jwt |  |  |  | 1.2 | 2: 3.0 |",
        "| sqlalchemy | postgresql | jwt | yes | yes | yes | skipped | **FAILED** |",
    ]


def test_an_update_is_in_the_row_of_the_combination_before_it() -> None:
    flip = (options.EVERYTHING, options.DEFAULTS)

    assert matrix.property_of({"flip": flip}, "updates") == matrix.property_of(
        {"pair": options.EVERYTHING}, "updates"
    )
