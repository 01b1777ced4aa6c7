"""Combines the metrics of several worker processes, which write them to a shared folder."""

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
"""Environment variable with the shared folder's path. prometheus_client reads it when imported."""

FILE = re.compile(r"_(\d+)\.db$")
"""Matches the file names in the shared folder. Each file name contains the id of a process."""

SUMMED = {
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
}


def share_metrics() -> None:
    """Make the child processes of this process write their metrics to a shared temporary folder."""
    os.environ[DIRECTORY] = directory = tempfile.mkdtemp(prefix="metrics-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)


class ProcessesCollector(Collector):
    """Sums the memory and the open files of all processes, on systems with `/proc` (Linux)."""

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

    Delete the gauges of processes that have ended, but keep their counters, because a counter must
    not decrease.
    """
    names = [file.name for file in directory.iterdir()]
    processes = {int(found[1]) for found in map(FILE.search, names) if found}
    for ended in [process for process in processes if not _is_running(process)]:
        with suppress(FileNotFoundError):  # Another process may delete them first.
            mark_process_dead(ended, str(directory))  # type: ignore[no-untyped-call]
        processes.remove(ended)
    return sorted(processes)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False  # The process has ended. Another user's process may have reused its id.
    return True
