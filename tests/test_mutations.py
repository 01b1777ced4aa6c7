"""Mutation tests: put a fault into a copy of this repository, and check that a test detects it.

Each entry of FAULTS contains a fault and the test that must fail because of it. For each fault,
pytest runs only the test that must detect the fault. In a copy without a fault, all tests named in
FAULTS must pass.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import options
from tests.support.paths import CACHE
from tests.support.repositories import commit, git
from tests.support.running import attempt

PICCOLO = "template/{% if orm == 'piccolo' %}.{% endif %}"
ANY = options.name(options.DEFAULTS)
ANY_WITH_PICCOLO = next(options.name(a) for a in options.triples() if a["orm"] == "piccolo")


@dataclass(frozen=True)
class Fault:
    """A change to a file: the text `new` replaces `old`, or is appended if `old` is empty."""

    file: str
    old: str
    new: str
    test: str
    """The test that must fail, as `file::test`."""


FAULTS = {
    "a method of one overlay is renamed": Fault(
        f"{PICCOLO}/src/app/core/database/queries.py",
        "async def _newest(",
        "async def _latest(",
        f"test_combinations.py::test_is_strictly_typed[{ANY_WITH_PICCOLO}]",
    ),
    "an option is dropped from the matrix": Fault(
        "tests/support/options.py",
        '    "websockets": (False, True),\n',
        "",
        "test_questions.py::test_options_and_questions_have_the_same_names",
    ),
    "a choice is dropped from the matrix": Fault(
        "tests/support/options.py",
        '"tortoise", "piccolo"),',
        '"tortoise"),',
        "test_questions.py::test_options_list_every_choice_and_the_default_first",
    ),
    "a formatting error": Fault(
        "template/src/app/core/ids.py",
        "",
        "FAULT  =  1\n",
        f"test_combinations.py::test_files_pass_ruff[{ANY}-format]",
    ),
    "a lint error": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nassert True\n",
        f"test_combinations.py::test_files_pass_ruff[{ANY}-lint]",
    ),
    "a type error": Fault(
        "template/src/app/core/ids.py",
        "",
        '\n\nFAULT: int = "one"\n',
        f"test_combinations.py::test_is_strictly_typed[{ANY}]",
    ),
    "an undeclared package": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nimport idna\n",
        f"test_combinations.py::test_passes_static_checks[{ANY}-packages]",
    ),
    "the core imports a feature": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nimport app.features.items\n",
        f"test_combinations.py::test_passes_static_checks[{ANY}-layers]",
    ),
    "a tag in a file without the .jinja suffix": Fault(
        "template/justfile",
        "",
        "# {% if orm %}\n",
        f"test_combinations.py::test_contains_no_template_tags[{ANY}]",
    ),
    "a word of an option in a file of every project": Fault(
        "template/justfile",
        "",
        "# Before: start Redis\n",
        f"test_combinations.py::test_mentions_no_option_that_was_not_chosen[{ANY}]",
    ),
    "an edited migration": Fault(
        f"{PICCOLO}/migrations/versions/0001_initial.py",
        "",
        "\n",
        "test_hygiene.py::test_a_released_migration_is_never_edited",
    ),
    "a file that updates skip": Fault(
        "copier.yml",
        "  - migrations/versions/*.py\n",
        "  - migrations/versions/*.py\n  - pyproject.toml\n",
        "test_update.py::test_switching_an_option_equals_a_fresh_copy_with_the_users_changes"
        f"[{ANY},auth:jwt>none]",
    ),
}

ALWAYS_TESTED = {
    "a method of one overlay is renamed",
    "an option is dropped from the matrix",
    "a formatting error",
    "an edited migration",
}
"""Without `--matrix`, only these faults are tested, to keep the test run short."""


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Path:
    repository = Path(shutil.copytree(template, tmp_path / "repository"))
    git(repository, "init", "--quiet")
    (repository / CACHE.name).symlink_to(CACHE)
    (repository / ".git/info/exclude").write_text(f"/{CACHE.name}\n")
    commit(repository)
    return repository


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=what, marks=[] if what in ALWAYS_TESTED else pytest.mark.core)
        for what, fault in FAULTS.items()
    ],
)
def test_a_fault_is_detected(fault: Fault, repository: Path) -> None:
    path = repository / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.old in text
    text = text.replace(fault.old, fault.new) if fault.old else text + fault.new
    path.write_text(text, encoding="utf-8")

    done = run_tests(repository, fault.test)

    assert done.returncode == 1, done.stdout
    assert " 1 failed" in done.stdout, done.stdout


@pytest.mark.core
def test_without_a_fault_all_named_tests_pass(repository: Path) -> None:
    named = {fault.test for fault in FAULTS.values()}

    done = run_tests(repository, *named)

    assert f" {len(named)} passed" in done.stdout, done.stdout


def run_tests(repository: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    arguments = ("-n0", "-p", "no:cacheprovider", f"--basetemp={repository.with_name('base')}")
    named = [f"tests/{test}" for test in tests]
    return attempt(sys.executable, "-m", "pytest", *arguments, *named, cwd=repository)
