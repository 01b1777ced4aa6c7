# /// script
# requires-python = ">=3.12"
# dependencies = ["copier>=9.19", "pyyaml"]
# ///
"""The README's table of ORMs: `uv run benchmarks/orms.py`, on a machine with nothing else to do.

For each ORM it renders a service on PostgreSQL without users, installs it, and runs `run.py` on it.
Requests a second are beside what bare FastAPI and asyncpg do in the same rounds.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import copier
import yaml

ROOT = Path(__file__).parents[1]
LOADS = ("by id", "list of 20", "create")


def measure(orm: str, project: Path) -> str:
    """A row of the table."""
    answers = {"orm": orm, "auth": "none"}
    copier.run_copy(
        str(ROOT), project, data=answers, defaults=True, skip_tasks=True, quiet=True, vcs_ref="HEAD"
    )
    subprocess.run(
        ["uv", "sync", "--quiet", "--no-dev", "--compile-bytecode"], cwd=project, check=True
    )
    command = ["uv", "run", "--quiet", ROOT / "benchmarks/run.py", project]
    table = subprocess.check_output(command, text=True)
    cells = [orm]
    for load in LOADS:
        rps, _, ratio = re.search(rf"\| {load} \| (\d+) \| (\d+) \| ([\d.]+)", table).groups()
        cells.append(f"{rps} ({ratio})")
    cells += re.search(r"First answer (.*), memory (.*)\.", table).groups()
    cells.append(str(lines_of_queries(project)))
    return f"| {' | '.join(cells)} |"


def lines_of_queries(project: Path) -> int:
    """Lines of code in the repositories: what there is to read, blank lines and comments aside."""
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for path in project.glob("src/app/**/repository.py")
        for line in path.read_text().splitlines()
    )


if __name__ == "__main__":
    questions = yaml.safe_load((ROOT / "copier.yml").read_text())
    print("| ORM | by id | list of 20 | create | first answer | memory | lines of queries |")
    print("|---|---|---|---|---|---|---|")
    for orm in questions["orm"]["choices"].values():
        with tempfile.TemporaryDirectory() as folder:
            print(measure(orm, Path(folder) / "service"), flush=True)
