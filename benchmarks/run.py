# /// script
# requires-python = ">=3.12"
# dependencies = ["asyncpg", "psutil", "uvloop"]
# ///
"""Compare a generated service with hand-written code: `uv run benchmarks/run.py PROJECT`.

PROJECT is a generated service with the defaults auth=jwt and database=postgresql, installed with
`uv sync`. The script compares the service with the applications `fair` and `bare` in `baseline.py`,
which run in the project's Python environment. Each of the three applications runs as one process on
127.0.0.1. The applications share a database of 10,000 items, which the script creates on the server
at DATABASE_URL and drops at the end. A project with Redis uses the Redis server at REDIS_URL. The
report of a project with Redis has one more row, for items that the service reads from its cache
while `fair` and `bare` read the items from the database.

Each round measures the three applications in turn, so that other work on the machine slows all of
the applications alike. Each ratio in the report is the median of the ratios of all rounds. The
ratio by CPU compares the CPU time per request of the server processes. The ratio by CPU varies less
between runs than the ratio by requests, and does not include the CPU time of PostgreSQL.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import asyncpg
import psutil
import uvloop
from load import Server, Slice, load, request

LIMITS = ("fair", "bare")
SIDES = ("service", *LIMITS)
ITEMS = "/api/v1/items"
ROWS, CACHED_ROWS = 10_000, 100
CONNECTIONS = 64
BURSTS = (64, 512)
BURST_SECONDS = 6.0
"""Seconds of load in a burst, longer than the service's timeout for a free database connection."""

STARTS = 3
"""Number of measured starts and of measured `app --help` calls. The report shows the medians."""

PROBES, LOGINS = 4, 8
"""Number of connections that request `/health`, and number of connections that log in meanwhile."""

CREATED = '{"title": "New", "description": "Created by the benchmark, and deleted after the round"}'
FILL = f"""
    INSERT INTO items (id, title, description, created_at, updated_at, owner_id)
    SELECT gen_random_uuid(), 'Item ' || n, repeat('A description. ', 5), time, time, users.id
    FROM users, generate_series(1, {ROWS}) n,
    LATERAL (SELECT now() - n * interval '1 min' AS time) _
    RETURNING id
"""


@dataclass(frozen=True)
class Row:
    """Results of one route: the medians of each application, and the ratios to the service."""

    slices: dict[str, Slice]
    by_requests: dict[str, float]
    """Requests per second of the service, divided by those of `fair` and of `bare`."""
    by_cpu: dict[str, float]
    """CPU time per request of `fair` and of `bare`, divided by that of the service."""


@dataclass(frozen=True)
class Report:
    machine: str
    routes: dict[str, Row]
    first_responses: dict[str, float]
    memory: dict[str, tuple[float, float]]
    """RSS and PSS of each process after the load, in MiB."""
    help_seconds: float
    health_p99: tuple[float, float]
    """99th percentile of the latency of `/health` in ms, without logins and during logins."""
    bursts: dict[int, dict[str, Slice]]
    generator: float
    """Largest fraction of one core that the load generator used."""


class Benchmark:
    """Benchmark of a project, `fair` and `bare`. A round measures a route for `seconds` seconds."""

    def __init__(self, project: Path, rounds: int, seconds: float) -> None:
        self.project, self.rounds, self.seconds = project.resolve(), rounds, seconds
        if not (self.project / "src/app/features/auth").exists():
            sys.exit("The project has no users. Generate a project with auth=jwt.")
        self.has_redis = (self.project / "src/app/core/redis").exists()
        self.server_url = os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1/postgres")
        self.name = f"benchmark_{secrets.token_hex(4)}"
        self.url = urlsplit(self.server_url)._replace(path=f"/{self.name}").geturl()
        never_reached = "1000000/second"
        self.environment = {
            "REDIS_URL": "redis://127.0.0.1",
            **os.environ,
            "DATABASE_URL": self.url,
            "ENVIRONMENT": "production",
            "JWT_SECRET": secrets.token_hex(32),
            "JWT_ISSUER": "benchmark",
            "JWT_AUDIENCE": "benchmark",
            "RATE_LIMIT_DEFAULT": never_reached,
            "RATE_LIMIT_AUTH": never_reached,
        }
        self.app, self.python = (
            str(self.project / ".venv/bin" / name) for name in ("app", "python")
        )
        options = "--loop uvloop --http httptools --ws none --no-access-log --no-proxy-headers"
        options += f" --no-server-header --log-level error --app-dir {Path(__file__).parent}"
        uvicorn = [self.python, "-m", "uvicorn", *options.split()]
        self.commands = {
            "service": [self.app, "serve"],
            "fair": [*uvicorn, "baseline:fair"],
            "bare": [*uvicorn, "baseline:bare"],
        }

    @classmethod
    @contextmanager
    def prepare(cls, project: Path, rounds: int, seconds: float) -> Iterator[Self]:
        """Create and migrate a database, yield the benchmark, and drop the database."""
        benchmark = cls(project, rounds, seconds)
        run_sql(benchmark.server_url, f"CREATE DATABASE {benchmark.name}")
        try:
            benchmark.call(benchmark.app, "db", "upgrade")
            yield benchmark
        finally:
            run_sql(benchmark.server_url, f"DROP DATABASE {benchmark.name} WITH (FORCE)")

    def report(self) -> Report:
        """Run all measurements, which takes a few minutes."""
        first_responses = self.measure_starts()
        with self.serve_all() as servers:
            routes = self.measure_routes(servers)
            return Report(
                machine=self.describe_machine(),
                routes=routes,
                first_responses=first_responses,
                memory={side: memory_of(server.process) for side, server in servers.items()},
                help_seconds=median(self.call(self.app, "--help") for _ in range(STARTS)),
                health_p99=self.measure_health(servers["service"]),
                bursts=self.measure_bursts(servers),
                generator=max(
                    each.generator for row in routes.values() for each in row.slices.values()
                ),
            )

    def measure_starts(self) -> dict[str, float]:
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(STARTS):
            for side in SIDES:
                with self.serve(side) as server:
                    seconds[side].append(server.first_response)
        return {side: median(each) for side, each in seconds.items()}

    def measure_routes(
        self, servers: dict[str, Server], *, only: str | None = None
    ) -> dict[str, Row]:
        requests = {name: each for name, each in self.requests.items() if only in (None, name)}
        rounds: dict[str, list[dict[str, Slice]]] = {name: [] for name in requests}
        for number in range(1 + self.rounds):
            run_sql(self.url, "VACUUM ANALYZE items")
            first = number % len(SIDES)  # Each round starts with another application.
            for name, each in requests.items():
                sides = SIDES[first:] + SIDES[:first]
                rounds[name].append({side: self.load(servers[side], each) for side in sides})
            run_sql(self.url, "DELETE FROM items WHERE title = 'New'")
        # Discard the first round, which opens connections and fills caches.
        return {name: summarize(slices[1:]) for name, slices in rounds.items()}

    def measure_health(self, service: Server) -> tuple[float, float]:
        async def both() -> Slice:
            probes, _ = await asyncio.gather(
                load(service, health, seconds=self.seconds, connections=PROBES),
                load(service, [self.login], seconds=self.seconds, connections=LOGINS),
            )
            return probes

        health, rounds = self.requests["health"], range(self.rounds)
        idle = [self.load(service, health, PROBES).p99 for _ in rounds]
        return median(idle), median(uvloop.run(both()).p99 for _ in rounds)

    def measure_bursts(self, servers: dict[str, Server]) -> dict[int, dict[str, Slice]]:
        by_id = self.requests["by id"]
        bursts = {
            connections: {
                side: uvloop.run(
                    load(
                        servers[side],
                        by_id,
                        seconds=BURST_SECONDS,
                        connections=connections,
                        may_refuse=True,
                    )
                )
                for side in ("service", "fair")
            }
            for connections in BURSTS
        }
        self.load(servers["service"], by_id)  # `load` exits if a response is not 2xx.
        return bursts

    def load(self, server: Server, requests: list[bytes], connections: int = CONNECTIONS) -> Slice:
        seconds = self.seconds
        return uvloop.run(load(server, requests, seconds=seconds, connections=connections))

    @contextmanager
    def serve_all(self) -> Iterator[dict[str, Server]]:
        """Start the servers of all three applications, and create a user who owns all items."""
        with ExitStack() as stack:
            servers = {side: stack.enter_context(self.serve(side)) for side in SIDES}
            self.fill(servers["service"].port)
            yield servers

    @contextmanager
    def serve(self, side: str) -> Iterator[Server]:
        """Start one server and wait for its first response. The server logs to a pipe."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {**self.environment, "PORT": str(port), "UVICORN_PORT": str(port)}
        started = time.perf_counter()
        with (
            subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as log,
            subprocess.Popen(
                self.commands[side], cwd=self.project, env=environment, stdout=log.stdin
            ) as server,
        ):
            try:
                wait_for_response(server, port)
                yield Server(port, psutil.Process(server.pid), time.perf_counter() - started)
            finally:
                server.terminate()

    def fill(self, port: int) -> None:
        """Register a user, create the user's items, and prepare the requests for each route."""
        api = f"http://127.0.0.1:{port}/api/v1"
        user = {"email": "ada@example.com", "name": "Ada", "password": secrets.token_hex()}
        form = f"username={user['email']}&password={user['password']}"
        content_type = {"Content-Type": "application/json"}
        urlopen(Request(f"{api}/users", json.dumps(user).encode(), content_type)).close()
        with urlopen(f"{api}/auth/token", form.encode()) as answer:
            bearer = f"Authorization: Bearer {json.load(answer)['access_token']}\r\n"
        by_id = [request(f"{ITEMS}/{row['id']}", headers=bearer) for row in run_sql(self.url, FILL)]
        self.login = request(
            "/api/v1/auth/token", "POST", form, content_type="application/x-www-form-urlencoded"
        )
        self.requests = {
            "health": [request("/health")],
            "by id": by_id,
            "list of 20": [request(f"{ITEMS}?page_size=20", headers=bearer)],
            "feed": [request(f"{ITEMS}/feed?limit=20", headers=bearer)],
            "create": [request(ITEMS, "POST", CREATED, bearer)],
        }
        if self.has_redis:
            self.requests["by id, cached"] = by_id[:CACHED_ROWS]

    def call(self, *command: str) -> float:
        """Run a command, and return how many seconds it took."""
        started = time.perf_counter()
        subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - started

    def describe_machine(self) -> str:
        python = subprocess.check_output([self.python, "--version"], text=True).strip()
        postgres = run_sql(self.url, "SHOW server_version")[0][0].split()[0]
        return (
            f"The figures were measured on {datetime.now(UTC):%Y-%m-%d} over {CONNECTIONS} "
            f"connections, with {python} and PostgreSQL {postgres}, on a machine with "
            f"{os.cpu_count()} cores ({cpu_model()})"
        )


def wait_for_response(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(request("/health"))
            if probe.recv(12) == b"HTTP/1.1 200":
                return
        time.sleep(0.01)
    sys.exit(f"The server exited with status {server.returncode} before its first response.")


def summarize(rounds: list[dict[str, Slice]]) -> Row:
    return Row(
        slices={side: median_slice([each[side] for each in rounds]) for side in SIDES},
        by_requests={
            limit: median(each["service"].rps / each[limit].rps for each in rounds)
            for limit in LIMITS
        },
        by_cpu={
            limit: median(each[limit].cpu / each["service"].cpu for each in rounds)
            for limit in LIMITS
        },
    )


def median_slice(slices: list[Slice]) -> Slice:
    return Slice(
        rps=median(each.rps for each in slices),
        cpu=median(each.cpu for each in slices),
        p99=median(each.p99 for each in slices),
        refused=sum(each.refused for each in slices),
        generator=max(each.generator for each in slices),
    )


def memory_of(process: psutil.Process) -> tuple[float, float]:
    memory = process.memory_full_info()
    return memory.rss / 2**20, memory.pss / 2**20


def cpu_model() -> str:
    with suppress(OSError):
        if found := re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()):
            return found[1]
    return platform.machine()


def run_sql(url: str, statement: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return uvloop.run(run())


def print_report(report: Report) -> None:
    print("Service · fair · bare:\n")
    print("| | requests/s | CPU µs | p99 ms | ratio to fair (by CPU) | ratio to bare (by CPU) |")
    print("|---|---|---|---|---|---|")
    for name, row in report.routes.items():
        columns = [
            [f"{getattr(row.slices[side], field):.0f}" for side in SIDES]
            for field in ("rps", "cpu", "p99")
        ]
        cells = [" · ".join(column) for column in columns]
        cells += [f"{row.by_requests[limit]:.2f} ({row.by_cpu[limit]:.2f})" for limit in LIMITS]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| | service | fair | bare |\n|---|---|---|---|")
    seconds = " | ".join(f"{report.first_responses[side]:.1f} s" for side in SIDES)
    print(f"| first response | {seconds} |")
    for index, name in enumerate(("RSS", "PSS")):
        sizes = " | ".join(f"{report.memory[side][index]:.0f} MiB" for side in SIDES)
        print(f"| memory, {name} | {sizes} |")
    for connections, slices in report.bursts.items():
        described = " | ".join(describe_burst(slices[side]) for side in ("service", "fair"))
        print(f"| by id, {connections} connections at once | {described} | |")
    idle, busy = report.health_p99
    print(f"| `app --help` | {report.help_seconds:.2f} s | | |")
    print(f"| p99 of `/health` without logins | {idle:.1f} ms | | |")
    print(f"| p99 of `/health` while {LOGINS} connections log in | {busy:.1f} ms | | |")
    print(f"\n{report.machine}.")
    print(f"The load generator used at most {report.generator:.0%} of one core.")


def describe_burst(burst: Slice) -> str:
    refused = f", {burst.refused} refused" if burst.refused else ""
    return f"{burst.rps:.0f}/s, p99 {burst.p99:.0f} ms{refused}"


def make_parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help="number of rounds (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.5,
        help="seconds of load for each measurement (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.add_argument("project", type=Path)
    arguments = parser.parse_args()
    with Benchmark.prepare(arguments.project, arguments.rounds, arguments.seconds) as benchmark:
        print_report(benchmark.report())
