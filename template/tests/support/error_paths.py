"""Pytest hooks that fail a full test run if too few tests are marked `error_path`."""

from collections import Counter

import pytest

MIN_ERROR_PATH_SHARE = 0.4
"""Minimum share of the tests that must be marked `error_path`, between 0 and 1."""

COUNTS = Counter[bool]()
"""Number of tests that are marked `error_path` (key `True`) and of other tests (key `False`)."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count each test once, when pytest reports the setup of the test.

    Under `pytest -n`, the main process receives the test reports of all worker processes.
    """
    if report.when == "setup":
        COUNTS["error_path" in report.keywords] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a full test run if too few tests are marked `error_path`."""
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
    """Return whether this is a full test run with too few tests that are marked `error_path`."""
    complete = not (config.option.keyword or config.option.markexpr or config.option.file_or_dir)
    return complete and COUNTS.total() > 0 and error_path_share() < MIN_ERROR_PATH_SHARE


def error_path_share() -> float:
    return COUNTS[True] / max(COUNTS.total(), 1)
