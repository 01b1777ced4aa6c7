"""Run each test with each queue library, and print a table of the results."""

from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from filelock import FileLock

from benchmarks.queues.processes import (
    HERE,
    Client,
    Processes,
    interpreter_of_script,
    interpreter_of_service,
)

QUEUES = ["template", "pydocket", "pydocket+", "streaq", "streaq+", "saq", "saq+", "taskiq"]
"""Names of the queues. A `+` marks an adapter that adds missing features to the library."""


@pytest.fixture(params=QUEUES)
def queue(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Processes]:
    name = request.param.removesuffix("+")
    adapter = HERE / f"with_{name}.py"
    shared = tmp_path_factory.getbasetemp().parent
    with FileLock(shared / f"{name}.lock"):
        if name == "template":
            service = shared / "service"
            interpreter = service / ".venv/bin/python"
            if not interpreter.exists():
                interpreter = interpreter_of_service(service)
        else:
            interpreter = interpreter_of_script(adapter)
    extended = {"EXTENDED": "1"} if request.param != name else {}
    processes = Processes(interpreter, adapter, tmp_path, extended)
    yield processes
    processes.close()


@pytest.fixture
def client(queue: Processes) -> Client:
    return queue.client()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes: dict[str, dict[str, str]] = defaultdict(dict)
    for outcome, mark in (("failed", "no"), ("passed", "yes")):
        for report in terminalreporter.stats.get(outcome, []):
            test, _, queue = report.nodeid.partition("::")[2].rstrip("]").partition("[")
            detail = dict(report.user_properties).get("detail")
            cell = f"{mark} ({detail})" if detail else mark
            outcomes[test.removeprefix("test_").replace("_", " ")][queue] = cell
    terminalreporter.write_line(f"| property | {' | '.join(QUEUES)} |")
    terminalreporter.write_line(f"| --- |{' --- |' * len(QUEUES)}")
    for test, marks in outcomes.items():
        row = " | ".join(marks.get(queue, "") for queue in QUEUES)
        terminalreporter.write_line(f"| {test} | {row} |")
