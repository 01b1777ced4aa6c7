"""Metrics in the Prometheus text format.

Each metric is a global object of `prometheus_client`. The names of metrics follow OpenTelemetry's
semantic conventions. With several worker processes, each process writes its metrics to files in a
shared folder, and the process that answers a request for `/metrics` combines the files.
"""

import os
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.core.telemetry.processes import DIRECTORY, ProcessesCollector, live_processes

# By default, each counter and histogram has an additional time series with its creation time.
disable_created_metrics()  # type: ignore[no-untyped-call]


def render_metrics() -> bytes:
    """Return the metrics of this process, or of all processes that share their metrics."""
    registry = REGISTRY
    if directory := os.environ.get(DIRECTORY):
        registry = CollectorRegistry()
        registry.register(ProcessesCollector(live_processes(Path(directory))))
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
