"""Pytest hooks that fail a complete test run with too few error-path tests."""

from collections import Counter

import pytest

MIN_ERROR_PATH_SHARE = 0.4
"""Minimum share of tests that must be marked `error_path`."""

COUNTS = Counter[bool]()
"""Number of tests that ran, by whether they are marked `error_path`."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test when its setup is reported.

    Under `pytest -n` the main process receives the reports of all workers.
    """
    if report.when == "setup":
        COUNTS["error_path" in report.keywords] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a complete run whose share of error-path tests is below the minimum."""
    if has_too_few_error_paths(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    line = f"{COUNTS[True]} of {COUNTS.total()} tests are error paths ({error_path_share():.0%})"
    if has_too_few_error_paths(config):
        line += f"; at least {MIN_ERROR_PATH_SHARE:.0%} must be marked error_path"
    terminalreporter.write_line(line)


def has_too_few_error_paths(config: pytest.Config) -> bool:
    """Return whether too few tests are error paths. A run of selected tests is not checked."""
    complete = not (config.option.keyword or config.option.markexpr or config.option.file_or_dir)
    return complete and COUNTS.total() > 0 and error_path_share() < MIN_ERROR_PATH_SHARE


def error_path_share() -> float:
    return COUNTS[True] / max(COUNTS.total(), 1)
