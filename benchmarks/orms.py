# /// script
# requires-python = ">=3.12"
# dependencies = ["asyncpg", "copier>=9.19", "psutil", "pyyaml", "uvloop"]
# ///
"""Measure one project for each ORM, and print the README's tables: `uv run benchmarks/orms.py`.

For each ORM the script generates a service with users on PostgreSQL, installs it, measures it as
`run.py` does, and prints the report. The row "by id, cached" is measured on a second service with
Redis. The last part of the output contains the tables and captions for the README. The script takes
nine minutes with `--rounds 2 --seconds 0.8`. Run the script on a machine without other load.
"""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import copier
import yaml
from load import Slice
from run import (
    BURSTS,
    LIMITS,
    Benchmark,
    Report,
    Row,
    describe_burst,
    make_parser,
    median_slice,
    print_report,
)

ROOT = Path(__file__).parents[1]
CACHED = "by id, cached"


def generate(project: Path, **answers: str | bool) -> None:
    copier.run_copy(
        str(ROOT),
        project,
        data=answers,
        defaults=True,
        skip_tasks=True,
        quiet=True,
        vcs_ref="HEAD",
    )
    sync = ["uv", "sync", "--quiet", "--no-dev", "--compile-bytecode"]
    subprocess.run(sync, cwd=project, check=True)


def measure(orm: str, folder: Path, rounds: int, seconds: float) -> tuple[Report, int]:
    """Measure a service with this ORM. Return the report, and the repositories' lines of code."""
    plain, redis = folder / "plain", folder / "redis"
    generate(plain, orm=orm, redis=False)
    with Benchmark.prepare(plain, rounds, seconds) as benchmark:
        report = benchmark.report()
    generate(redis, orm=orm, redis=True)
    with Benchmark.prepare(redis, rounds, seconds) as benchmark, benchmark.serve_all() as servers:
        report.routes.update(benchmark.measure_routes(servers, only=CACHED))
    return report, lines_of_queries(plain)


def lines_of_queries(project: Path) -> int:
    """Count the lines of code in every `repository.py`, without blank lines and comments."""
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for path in project.glob("src/app/**/repository.py")
        for line in path.read_text().splitlines()
    )


def print_requests(reports: dict[str, Report]) -> None:
    print(
        "Requests per second, with the ratios to the hand-written applications `fair` and `bare` "
        "in parentheses:\n"
    )

    def cell(row: Row) -> str:
        ratios = ", ".join(f"{row.by_requests[limit]:.2f}" for limit in LIMITS)
        return f"{row.slices['service'].rps:.0f} ({ratios})"

    print_routes(reports, cell, lambda each: f"{each.rps:.0f}")


def print_cpu(reports: dict[str, Report]) -> None:
    print(
        "CPU time of the server per request in µs, and in parentheses the 99th percentile "
        "of latency in ms:\n"
    )

    def cell(each: Slice) -> str:
        return f"{each.cpu:.0f} ({each.p99:.0f})"

    print_routes(reports, lambda row: cell(row.slices["service"]), cell)


def print_routes(
    reports: dict[str, Report], of_service: Callable[[Row], str], of_limit: Callable[[Slice], str]
) -> None:
    """Print a table with a row for each ORM, and two rows with the medians of `fair` and `bare`."""
    routes = list(next(iter(reports.values())).routes)
    print_head("", *routes)
    for orm, report in reports.items():
        print_row(f"`{orm}`", *(of_service(report.routes[route]) for route in routes))
    for limit in LIMITS:
        slices = [
            median_slice([report.routes[route].slices[limit] for report in reports.values()])
            for route in routes
        ]
        print_row(limit, *map(of_limit, slices))


def print_start(reports: dict[str, Report], lines: dict[str, int]) -> None:
    print(
        "Startup time, resident set size (RSS, with the proportional set size, PSS, in "
        "parentheses), and lines of query code:\n"
    )
    print_head("", "first response", "memory (PSS)", "`app --help`", "lines of queries")
    for orm, report in reports.items():
        first_response, memory = start_of([report], "service")
        print_row(
            f"`{orm}`", first_response, memory, f"{report.help_seconds:.2f} s", str(lines[orm])
        )
    for limit in LIMITS:
        print_row(limit, *start_of(list(reports.values()), limit), "", "")


def start_of(reports: list[Report], side: str) -> tuple[str, str]:
    """Return the median time to the first response and the median memory, formatted as text."""
    seconds = median(report.first_responses[side] for report in reports)
    rss, pss = (median(values) for values in zip(*(r.memory[side] for r in reports), strict=True))
    return f"{seconds:.1f} s", f"{rss:.0f} MiB ({pss:.0f})"


def print_stress(reports: dict[str, Report]) -> None:
    print(
        "Rate and p99 latency of reads by id over connections that are opened simultaneously, and "
        "p99 latency of `/health` without and during logins:\n"
    )
    bursts = [f"{connections} connections" for connections in BURSTS]
    print_head("", *bursts, "p99 of `/health` without logins", "p99 of `/health` during logins")
    for orm, report in reports.items():
        cells = [describe_burst(report.bursts[each]["service"]) for each in BURSTS]
        print_row(f"`{orm}`", *cells, *(f"{p99:.0f} ms" for p99 in report.health_p99))
    fair = [[report.bursts[each]["fair"] for report in reports.values()] for each in BURSTS]
    print_row("fair", *(describe_burst(median_slice(slices)) for slices in fair), "", "")


def print_head(*cells: str) -> None:
    print_row(*cells)
    print_row(*["---"] * len(cells))


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def main(rounds: int, seconds: float) -> None:
    questions = yaml.safe_load((ROOT / "copier.yml").read_text())
    reports: dict[str, Report] = {}
    lines: dict[str, int] = {}
    for orm in questions["orm"]["choices"].values():
        with tempfile.TemporaryDirectory() as folder:
            reports[orm], lines[orm] = measure(orm, Path(folder), rounds, seconds)
        print(f"## {orm}\n")
        print_report(reports[orm])
        print(flush=True)
    print("## README\n")
    print_requests(reports)
    print()
    print_cpu(reports)
    print()
    print_start(reports, lines)
    print()
    print_stress(reports)
    print(f"\n{next(iter(reports.values())).machine}.")
    used = max(report.generator for report in reports.values())
    print(f"The load generator used at most {used:.0%} of one core.")


if __name__ == "__main__":
    arguments = make_parser(__doc__).parse_args()
    main(arguments.rounds, arguments.seconds)
