"""The share of tests about what goes wrong, which a whole run must reach."""

from collections import Counter

import pytest

MIN_ERROR_PATH_SHARE = 0.4
"""How many of the tests, at least, must be about something that goes wrong."""

COUNTED = Counter[bool]()
"""How many tests were run, by whether they are marked `error_path`."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the tests by their reports, which under `pytest -n` come from every worker."""
    if report.when == "setup":
        COUNTED["error_path" in report.keywords] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run in which too few tests look at what goes wrong."""
    if has_too_few_error_paths(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    line = f"{COUNTED[True]} of {COUNTED.total()} tests are error paths ({error_path_share():.0%})"
    if has_too_few_error_paths(config):
        line += f", fewer than {MIN_ERROR_PATH_SHARE:.0%}"
    terminalreporter.write_line(line)


def has_too_few_error_paths(config: pytest.Config) -> bool:
    whole = not (config.option.keyword or config.option.markexpr or config.option.file_or_dir)
    return whole and COUNTED.total() > 0 and error_path_share() < MIN_ERROR_PATH_SHARE


def error_path_share() -> float:
    return COUNTED[True] / max(COUNTED.total(), 1)
