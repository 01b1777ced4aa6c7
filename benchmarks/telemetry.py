# /// script
# requires-python = ">=3.12"
# dependencies = ["asyncpg", "copier>=9.19", "psutil", "pyyaml", "uvloop"]
# ///
"""Measure what telemetry costs, and print the result as a Markdown table.

Run the script with `uv run benchmarks/telemetry.py`.

The script generates one service without telemetry and one with telemetry. It measures the CPU time
per request of four variants: the service without telemetry, and the service with telemetry at three
values of OTEL_TRACES_SAMPLER_ARG. The variants are measured in turn, so that other work on the
machine slows all of them alike. The services send their spans to a collector that discards them.
The measured CPU time includes the export of spans.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from load import Server
from orms import generate, print_head, print_row
from run import Benchmark, make_parser, memory_of

VARIANTS = {"off": None, "no traces": "0", "10 % of traces": "0.1", "all traces": "1"}
"""OTEL_TRACES_SAMPLER_ARG of each variant, or None for the service without telemetry."""


class Collector(BaseHTTPRequestHandler):
    """Accepts spans and discards them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Do not print the requests."""


@contextmanager
def collecting() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> None:
    arguments = make_parser(__doc__).parse_args()
    rounds, seconds = arguments.rounds, arguments.seconds
    with tempfile.TemporaryDirectory() as folder, collecting() as endpoint, ExitStack() as stack:
        benchmarks: dict[str, Benchmark] = {}
        for name, ratio in VARIANTS.items():
            project = Path(folder) / ("plain" if ratio is None else "telemetry")
            if not project.exists():
                generate(project, telemetry=ratio is not None)
            benchmark = stack.enter_context(Benchmark.prepare(project, rounds, seconds))
            if ratio is not None:
                benchmark.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
                benchmark.environment["OTEL_TRACES_SAMPLER_ARG"] = ratio
            benchmarks[name] = benchmark
        servers: dict[str, Server] = {}
        for name, benchmark in benchmarks.items():
            servers[name] = stack.enter_context(benchmark.serve("service"))
            benchmark.fill(servers[name].port)
        routes = list(benchmarks["off"].requests)
        cpu: dict[str, dict[str, list[float]]] = {
            name: {route: [] for route in routes} for name in VARIANTS
        }
        for number in range(1 + rounds):
            for route in routes:
                for name, benchmark in benchmarks.items():
                    used = benchmark.load(servers[name], benchmark.requests[route]).cpu
                    if number > 0:  # Round 0 only opens connections and fills caches.
                        cpu[name][route].append(used)
        print_head("CPU time per request in µs", *routes, "memory (RSS)")
        for name in VARIANTS:
            cells = [f"{median(cpu[name][route]):.0f}" for route in routes]
            print_row(name, *cells, f"{memory_of(servers[name].process)[0]:.0f} MiB")
        print(f"\n{benchmarks['off'].describe_machine()}.")


if __name__ == "__main__":
    main()
