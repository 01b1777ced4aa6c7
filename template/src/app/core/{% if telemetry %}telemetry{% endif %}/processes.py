"""Combines the metrics of several worker processes, which share their metrics in a folder."""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable for the shared folder. `prometheus_client` reads it during its import."""

FILE = re.compile(r"_(\d+)\.db$")
"""Pattern for the files in the shared folder. Each file name ends with the id of a process."""

SUMMED = {
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
}


def share_metrics() -> None:
    """Make all child processes of this process share their metrics in a temporary folder."""
    os.environ[DIRECTORY] = directory = tempfile.mkdtemp(prefix="metrics-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)


class ProcessesCollector(Collector):
    """Sums the memory and open files of all processes, if `/proc` exists (on Linux)."""

    def __init__(self, processes: Iterable[int]) -> None:
        self._collectors = [
            ProcessCollector(pid=partial(int, process), registry=None) for process in processes
        ]

    def collect(self) -> Iterator[Metric]:
        totals: dict[str, Metric] = {}
        for metric in (metric for one in self._collectors for metric in one.collect()):
            total = totals.setdefault(metric.name, metric)
            if total is not metric:
                value = total.samples[0].value + metric.samples[0].value
                total.samples = [total.samples[0]._replace(value=value)]
        yield from (metric for name, metric in totals.items() if name in SUMMED)


def live_processes(directory: Path) -> list[int]:
    """Return the ids of the running processes that share metrics in `directory`.

    The gauges of processes that have ended are deleted. The counters of these processes are kept,
    because a counter must not decrease.
    """
    names = [file.name for file in directory.iterdir()]
    processes = {int(found[1]) for found in map(FILE.search, names) if found}
    for ended in [process for process in processes if not _is_running(process)]:
        with suppress(FileNotFoundError):  # Another process may delete the files concurrently.
            mark_process_dead(ended, str(directory))  # type: ignore[no-untyped-call]
        processes.remove(ended)
    return sorted(processes)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, PermissionError):
        return False  # A process of another user may have the id of a process that has ended.
    return True
