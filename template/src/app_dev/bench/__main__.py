"""The command line of `just bench`."""

import asyncio
import json
import platform
import re
import sys
import time
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Annotated

import httpx2
import typer
import uvicorn

from app.config import Settings, example_settings
from app.core.errors import AppError
from app.main import create_app
from app_dev.bench.load import load
from app_dev.bench.profile import find_py_spy, record_profile
from app_dev.bench.routes import Api, NotMeasuredError, Route, find_routes
from app_dev.bench.server import FIXED_SETTINGS, Server, serving
from app_dev.bench.users import make_users

LOG = Path(".local/bench.log")
"""Log file of the service. `just bench` deletes the file if no response is an error."""

WARM_UP = 0.5
"""Seconds of load before each measurement, so that the service can open database connections."""

BUSY = 0.8
"""Share of a CPU core. If the load generator uses more, it may limit the requests per second."""

command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@dataclass(frozen=True)
class Measurement:
    """The results for one route. The attribute names are also the keys in the JSON output."""

    route: str
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU time of the service's process per request, in µs, without other processes."""
    generator_share: float
    """Share of one CPU core that the load generator uses."""
    errors: dict[str, int]


@command.command()
def bench(  # noqa: PLR0913, PLR0917 # each parameter is an option of the command
    route: Annotated[
        list[str] | None,
        typer.Option(help="Measure only matching routes, such as '*/items*'. Repeatable."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=60, help="Seconds of load for each route.")
    ] = 3,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Number of connections.")] = 16,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change a setting of the service. Repeatable."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the results to FILE.")
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also record a flame graph of each route.")
    ] = False,
) -> None:
    """Measure the routes of this service on this machine.

    The service runs with production settings, in one process, without rate limits, and with a
    temporary database. The exit status is 1 if a response is an error.
    """
    settings = dict(parse_setting(each) for each in setting or [])
    routes = find_routes(create_app(example_settings(log_level="error")).openapi())
    selected = [each for each in routes if each.matches(route or [])]
    if not selected:
        raise typer.BadParameter(
            "\n".join(["no route matches. The routes are:", *(f"  {each}" for each in routes)]),
            param_hint="--route",
        )
    if json_file and not json_file.absolute().parent.is_dir():
        raise typer.BadParameter("the folder of the file does not exist.", param_hint="--json")
    # Use uvloop if it is installed, because it needs less CPU time than asyncio's event loop.
    loop_factory = uvicorn.Config("", log_config=None).get_loop_factory()
    try:
        py_spy = find_py_spy() if profile else []
        LOG.parent.mkdir(exist_ok=True)
        with serving(settings, LOG) as server, asyncio.Runner(loop_factory=loop_factory) as runner:
            benchmark = Benchmark(server, seconds, concurrency, py_spy)
            runner.run(benchmark.run(routes, selected))
    except (AppError, OSError) as exc:
        sys.exit(str(exc))
    if json_file:
        json_file.write_text(f"{json.dumps(benchmark.report(), indent=2)}\n", encoding="utf-8")
    if any(each.errors for each in benchmark.measurements):
        sys.exit(f"Some responses are errors. For the causes, read the log of the service: {LOG}")
    LOG.unlink()


def parse_setting(argument: str) -> tuple[str, str]:
    """Split an argument such as `LOG_LEVEL=warning` into the setting's name and value."""
    name, separator, value = argument.partition("=")
    if not separator or name.lower() not in Settings.model_fields:
        raise typer.BadParameter(
            f"{argument!r} is not a setting in the form NAME=VALUE.", param_hint="--set"
        )
    if name.upper() in FIXED_SETTINGS:
        raise typer.BadParameter(f"{name} has a fixed value in measurements.", param_hint="--set")
    return name.upper(), value


class Benchmark:
    """Measures one route at a time, and prints a table with one line for each route."""

    def __init__(self, server: Server, seconds: float, connections: int, py_spy: list[str]) -> None:
        self.measurements: list[Measurement] = []
        self.not_measured: dict[str, str] = {}
        self._server, self._seconds, self._connections = server, seconds, connections
        self._py_spy = py_spy

    async def run(self, routes: list[Route], selected: list[Route]) -> None:
        width = max(len(str(route)) for route in selected)
        async with httpx2.AsyncClient(base_url=self._server.url) as client:
            api = Api(client, await make_users(client, self._server.database))
            await api.create_rows(routes)
            typer.echo(f"{'route':{width}}  requests/s    p50 ms    p99 ms    CPU µs  errors")
            for route in selected:
                try:
                    requests = await api.requests(route)
                except NotMeasuredError as reason:
                    self.not_measured[str(route)] = str(reason)
                else:
                    await self._run(route, requests, width)
        self._print_notes()

    async def _run(self, route: Route, requests: list[bytes], width: int) -> None:
        result = await self._measure(route, requests)
        self.measurements.append(result)
        typer.echo(
            f"{route!s:{width}}  {result.requests_per_second:10.1f}  {result.p50_ms:8.2f}"
            f"  {result.p99_ms:8.2f}  {result.cpu_us:8.0f}  {sum(result.errors.values()):6}"
        )
        if self._py_spy:
            name = re.sub(r"[^a-z0-9]+", "-", str(route).lower()).strip("-")
            path = LOG.with_name(f"profile-{name}.svg")
            async with load(self._server.port, requests, self._connections):
                await record_profile(self._py_spy, self._server.pid, self._seconds, path)
            typer.echo(f"  {path}")

    async def _measure(self, route: Route, requests: list[bytes]) -> Measurement:
        async with load(self._server.port, requests, self._connections) as responses:
            await asyncio.sleep(WARM_UP)
            responses.latencies.clear()
            cpu, own, started = self._server.cpu_time(), time.process_time(), time.perf_counter()
            await asyncio.sleep(self._seconds)
            seconds = time.perf_counter() - started
            count = len(responses.latencies)
            own, cpu = time.process_time() - own, self._server.cpu_time() - cpu
        latencies = sorted(responses.latencies) or [0.0]
        return Measurement(
            route=str(route),
            requests=count,
            requests_per_second=round(count / seconds, 1),
            p50_ms=round(percentile(latencies, 50) * 1000, 3),
            p99_ms=round(percentile(latencies, 99) * 1000, 3),
            cpu_us=round(cpu / max(count, 1) * 1e6, 1),
            generator_share=round(own / seconds, 3),
            errors=dict(responses.errors),
        )

    def _print_notes(self) -> None:
        for result in self.measurements:
            for error, count in result.errors.items():
                typer.echo(f"Errors of {result.route}: {error} ({count})")
        for route, reason in self.not_measured.items():
            typer.echo(f"Not measured: {route}, because {reason}")
        share = max((each.generator_share for each in self.measurements), default=0)
        typer.echo(f"The load generator used at most {share:.0%} of one core.")
        if share > BUSY:
            typer.echo("The load generator may have limited the requests per second.")

    def report(self) -> dict[str, object]:
        """Return the results, which `--json` writes to a file."""
        return {
            "python": platform.python_version(),
            "seconds": self._seconds,
            "concurrency": self._connections,
            "routes": [asdict(each) for each in self.measurements],
            "not_measured": self.not_measured,
        }


def percentile(ascending: list[float], percent: int) -> float:
    """Return the percentile by the nearest-rank method. The values must be in ascending order."""
    return ascending[ceil(len(ascending) * percent / 100) - 1]


if __name__ == "__main__":
    command()
