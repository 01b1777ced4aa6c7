"""Test the workflow release.yml, which runs all tests of the template in shards.

The tests run the shell commands of the workflow on this machine. They do not test the runners and
permissions of the workflow, because only GitHub provides them.
"""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hooks import write_program
from tests.support.matrix import Results
from tests.support.paths import ROOT
from tests.support.repositories import commit, git
from tests.support.running import attempt, environment, run

type Job = dict[str, Any]


@pytest.fixture
def jobs(template: Path) -> dict[str, Job]:
    text = (template / ".github/workflows/release.yml").read_text(encoding="utf-8")
    loaded: dict[str, Job] = yaml.safe_load(text)["jobs"]
    return loaded


def commands(job: Job) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_jobs_run_all_shards_and_forward_their_results(jobs: dict[str, Job]) -> None:
    numbers = jobs["test"]["strategy"]["matrix"]["shard"]
    tests, _ = commands(jobs["test"])
    (merge,) = (step for step in jobs["report"]["steps"] if step.get("id") == "merge")

    assert numbers == list(range(1, len(numbers) + 1))
    assert f'just matrix "$SHARD/{len(numbers)}" shard.json' in tests
    assert jobs["test"]["outputs"] == {
        f"shard-{n}": f"${{{{ steps.results.outputs.shard-{n} }}}}" for n in numbers
    }
    assert merge["env"] == {
        f"SHARD_{n}": f"${{{{ needs.test.outputs.shard-{n} }}}}" for n in numbers
    }
    assert f"for number in {' '.join(map(str, numbers))};" in merge["run"]


def test_the_recipe_runs_a_shard_of_all_tests_and_writes_its_results() -> None:
    said = run("uv", "run", "--locked", "just", "--dry-run", "matrix", "3/8", "s.json", cwd=ROOT)

    assert said.splitlines()[-1] == "pytest --matrix=full --shard=3/8 --matrix-report=s.json"


@pytest.mark.parametrize("failed", [0, 1])
def test_the_results_of_all_shards_are_merged_and_pushed(
    failed: int, jobs: dict[str, Job], template: Path, tmp_path: Path
) -> None:
    repository, remote, programs = (tmp_path / name for name in ("clone", "remote", "programs"))
    shutil.copytree(template, repository)
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(repository, "init", "--quiet")
    git(repository, "remote", "add", "origin", str(remote))
    commit(repository)
    programs.mkdir()
    write_program(programs / "gh", "#!/bin/sh\n")
    # The fake `uv` uses this repository's virtual environment, instead of creating a new one.
    real_uv = shutil.which("uv", path=environment()["PATH"])
    write_program(
        programs / "uv", f'#!/bin/sh\nshift 2\nexec {real_uv} run --project "{ROOT}" "$@"\n'
    )
    env = environment(
        PATH=f"{programs}:{environment()['PATH']}",
        RUNNER_TEMP=str(tmp_path),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )
    _, publish = commands(jobs["test"])
    for number in range(1, 9):
        results = Results(
            "v1.0.0", "full", f"{number}/8", 16, 2, 2 - failed, failed, skipped=0, date="2026-01-31"
        )
        (repository / "shard.json").write_text(json.dumps(asdict(results)), encoding="utf-8")
        output = {"GITHUB_OUTPUT": str(tmp_path / "output"), "SHARD": str(number)}
        run("bash", "-e", "-c", publish, cwd=repository, env=env | output)
    (repository / "shard.json").unlink()
    for line in (tmp_path / "output").read_text().splitlines():
        name, _, value = line.partition("=")
        env[name.upper().replace("-", "_")] = value

    merge, summarize, push = (
        attempt("bash", "-e", "-c", command, cwd=repository, env=env)
        for command in commands(jobs["report"])
    )

    text = (repository / "docs/matrix.md").read_text(encoding="utf-8")
    assert f"- Tests: {16 - 8 * failed} passed, {8 * failed} failed, 0 skipped\n" in text
    assert re.search(r"^- Machine: 8 shards: ", text, re.MULTILINE)
    assert merge.returncode == failed, merge.stdout
    assert summarize.returncode == 0
    assert (tmp_path / "summary").read_text(encoding="utf-8") == text
    if not failed:  # GitHub skips the last step if an earlier step fails.
        assert push.returncode == 0, push.stdout
        assert git(remote, "show", "matrix-report:docs/matrix.md") == text
        assert git(remote, "show", "--format=", "--name-only", "matrix-report") == (
            "docs/matrix.md\n"
        )
