"""A fault of each kind, put into a copy of this repository, is caught by the test that is named.

In the copy that test runs alone, through pytest; where there is no fault, all of them pass.
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


@dataclass(frozen=True)
class Fault:
    """In a file, one text is put in another's place, or at the end."""

    file: str
    old: str
    new: str
    test: str
    """The one that has to catch it."""


FAULTS = {
    "a method of an overlay has another name": Fault(
        f"{PICCOLO}/src/app/core/database/queries.py",
        "async def _newest(",
        "async def _latest(",
        f"test_combinations.py::test_is_strictly_typed[{options.name(options.DEFAULTS | {'orm': 'piccolo'})}]",
    ),
    "an option is dropped from the matrix": Fault(
        "tests/support/options.py",
        '    "websockets": (False, True),\n',
        "",
        "test_questions.py::test_every_question_is_an_option_and_every_option_a_question",
    ),
    "a choice is dropped from the matrix": Fault(
        "tests/support/options.py",
        '"tortoise", "piccolo"),',
        '"tortoise"),',
        "test_questions.py::test_every_choice_is_in_the_list_and_the_default_stands_first",
    ),
    "a slip of format": Fault(
        "template/src/app/core/ids.py",
        "",
        "SLIP  =  1\n",
        f"test_combinations.py::test_passes[{ANY}-format]",
    ),
    "a slip that only a linter sees": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nassert True\n",
        f"test_combinations.py::test_passes[{ANY}-lint]",
    ),
    "a slip of types": Fault(
        "template/src/app/core/ids.py",
        "",
        '\n\nSLIP: int = "one"\n',
        f"test_combinations.py::test_is_strictly_typed[{ANY}]",
    ),
    "a package that is not declared": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nimport idna\n",
        f"test_combinations.py::test_passes[{ANY}-packages]",
    ),
    "the core imports a feature": Fault(
        "template/src/app/core/ids.py",
        "",
        "\n\nimport app.features.items\n",
        f"test_combinations.py::test_passes[{ANY}-layers]",
    ),
    "a tag in a file that is not rendered": Fault(
        "template/justfile",
        "",
        "# {% if orm %}\n",
        f"test_combinations.py::test_no_trace_of_the_template_is_left[{ANY}]",
    ),
    "a word of an option outside its files": Fault(
        "template/justfile",
        "",
        "# Before: start Redis\n",
        f"test_combinations.py::test_no_word_of_what_was_not_chosen_is_left[{ANY}]",
    ),
    "a migration that is edited": Fault(
        f"{PICCOLO}/migrations/versions/0001_initial.py",
        "",
        "\n",
        "test_hygiene.py::test_a_released_migration_is_never_edited",
    ),
    "a file that an update passes over": Fault(
        "copier.yml",
        "  - migrations/versions/*.py\n",
        "  - migrations/versions/*.py\n  - pyproject.toml\n",
        "test_update.py::test_a_switched_option_gives_what_a_fresh_copy_gives_and_keeps_the_users_work"
        f"[{ANY},auth:jwt>none]",
    ),
}

GRAVEST = {
    "a method of an overlay has another name",
    "an option is dropped from the matrix",
    "a slip of format",
    "a migration that is edited",
}
"""What the first tier has time for."""


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
        pytest.param(fault, id=what, marks=[] if what in GRAVEST else pytest.mark.core)
        for what, fault in FAULTS.items()
    ],
)
def test_a_fault_is_caught(fault: Fault, repository: Path) -> None:
    path = repository / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.old in text
    text = text.replace(fault.old, fault.new) if fault.old else text + fault.new
    path.write_text(text, encoding="utf-8")

    done = run_tests(repository, fault.test)

    assert done.returncode == 1, done.stdout
    assert " 1 failed" in done.stdout, done.stdout


@pytest.mark.core
def test_without_a_fault_all_of_them_pass(repository: Path) -> None:
    named = {fault.test for fault in FAULTS.values()}

    done = run_tests(repository, *named)

    assert f" {len(named)} passed" in done.stdout, done.stdout


def run_tests(repository: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    own = ("-n0", "-p", "no:cacheprovider", f"--basetemp={repository.with_name('base')}")
    named = [f"tests/{test}" for test in tests]
    return attempt(sys.executable, "-m", "pytest", *own, *named, cwd=repository)
