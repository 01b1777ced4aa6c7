"""Test updating a project to a later release of the template, and changing its options."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support import options
from tests.support.options import Answers
from tests.support.paths import ROOT
from tests.support.rendering import Render, files, made_once, render_to
from tests.support.repositories import commit, git, release
from tests.support.running import COPIER, run
from tests.support.updates import CHANGELOG, append, files_with_conflicts, update

# copier requires --trust for a template with tasks, even if --skip-tasks is given.
QUIET = ("--defaults", "--trust", "--skip-tasks", "--quiet")
OVERLAY = "{% if orm == 'sqlalchemy' %}.{% endif %}"


@pytest.fixture(params=[pytest.param("oldest", marks=pytest.mark.core), "newest"])
def copier(request: pytest.FixtureRequest, template: Path) -> tuple[str, ...]:
    """Return the command that runs the oldest or the newest supported version of copier."""
    return COPIER if request.param == "newest" else oldest_copier(template)


def oldest_copier(template: Path) -> tuple[str, ...]:
    settings = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    version = settings["_min_copier_version"]
    return ("uv", "tool", "run", "--python", COPIER[0], "--from", f"copier=={version}", "copier")


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """Return a project generated from the template's first release and committed to Git."""
    project = tmp_path / "project"
    render_to(released, project, {})
    git(project, "init", "--quiet")
    commit(project)
    return project


def test_an_update_merges_template_changes_with_the_users_changes(
    copier: tuple[str, ...], released: Path, project: Path
) -> None:
    append(project / "README.md", "Added by the user.")
    append(project / "src/app/features/items/models.py", "# the user's")
    (project / "src/app/features/orders.py").write_text('"""Written by the user."""\n')
    commit(project)
    append(released / "template/justfile", "# the template's")
    append(released / "template" / OVERLAY / "src/app/core/database/models.py", "# the template's")
    (released / "template/new.txt").write_text("Added by the template.\n")
    (released / "template/src/app/core/ids.py").unlink()
    release(released, "v1.1.0")

    run(*copier, "update", *QUIET, project, cwd=project)

    assert files_with_conflicts(project) == []
    assert set(git(project, "status", "--porcelain").splitlines()) == {
        " M .copier-answers.yml",
        " M justfile",
        " M src/app/core/database/models.py",
        " D src/app/core/ids.py",
        "?? new.txt",
    }
    assert (project / "justfile").read_text().endswith("# the template's\n")
    assert (project / "src/app/core/database/models.py").read_text().endswith("# the template's\n")
    assert "_commit: v1.1.0" in (project / ".copier-answers.yml").read_text()


def test_an_update_to_the_same_release_changes_nothing(
    copier: tuple[str, ...], project: Path
) -> None:
    run(*copier, "update", *QUIET, project, cwd=project)

    assert git(project, "status", "--porcelain") == ""


def test_an_update_prints_the_release_notes_and_the_next_commands(
    copier: tuple[str, ...], released: Path, project: Path
) -> None:
    (released / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    release(released, "v1.10.0")

    output = run(*copier, "update", *QUIET[:-1], project, cwd=project)

    assert output.count(CHANGELOG.partition("- Not yet.\n\n")[2].partition("## [1.0.0]")[0]) == 1
    assert output.count("## [") == 2
    _, _, next_steps = output.partition("has been updated.")
    assert [line.strip() for line in next_steps.splitlines() if line.startswith("    ")] == [
        "git diff",
        "uv sync && uv run just check",
    ]
    assert "uv run app db revision" in next_steps


@pytest.mark.matrix("updates")
def test_switching_an_option_equals_a_fresh_copy_with_the_users_changes(
    flip: tuple[Answers, Answers], first_release: Path, shared: Path, tmp_path: Path
) -> None:
    """The comparison excludes migrations, because an update never changes migrations."""

    def with_user_changes(answers: Answers) -> Path:
        def make(tree: Path) -> None:
            render_to(first_release, tree, answers)
            make_user_changes(tree)

        return made_once(shared / "changed-by-user", answers, make)

    before, after = flip
    project = shutil.copytree(with_user_changes(before), tmp_path / "project")
    git(project, "init", "--quiet")
    commit(project)

    update(project, after)

    assert files_with_conflicts(project) == []
    assert without_migrations(project) == without_migrations(with_user_changes(after))
    assert (project / "migrations/versions/9000_orders.py").read_text() == USER_TEXT
    if before == options.EVERYTHING:
        commit(project)
        update(project, after)
        assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("name", "value"), [(name, options.CODE[name][1]) for name in options.FIXED]
)
def test_changing_the_orm_or_database_gives_the_files_of_a_fresh_copy(
    name: str, value: str | bool, released: Path, project: Path, tmp_path: Path
) -> None:
    update(project, {name: value})
    render_to(released, tmp_path / "fresh", {name: value})

    assert without_migrations(project) == without_migrations(tmp_path / "fresh")


USER_TEXT = '"""Written by the user."""\n'

USER_FILES = (
    "src/app/features/orders/__init__.py",
    "src/app/features/orders/router.py",
    "tests/unit/test_orders.py",
    "migrations/versions/9000_orders.py",
    "README.md",  # The tests overwrite the generated README.md, as users do.
)

# Lines that the tests add to generated files, as a user might.
# With `{"text": "line"}`, the tests insert the line into the generated file before the text.
# With `{"": "line"}`, the tests append the line to the generated file.
USER_LINES = {
    ".env.example": {"": "#ORDERS_PER_DAY=100"},
    "Dockerfile": {"ENV PATH=": "RUN apt-get update && apt-get install --yes curl\n\n"},
    "compose.yaml": {"\nvolumes:": "  orders:\n    image: orders\n", "": "  orders:"},
    "docs/development.md": {"": "Added by the user."},
    "docs/updates.md": {"": "Added by the user."},
    "pyproject.toml": {
        "]\n\n[project.scripts]": '    "stripe",\n',
        "]\n\n[build-system]": '    "respx",\n',
        "": "[tool.of-the-user]",
    },
    "src/app/config.py": {
        "class Settings(": "class OrderSettings(EnvironmentSettings):\n    orders_per_day: int = 100\n\n\n",
        '):\n    """All settings': "    OrderSettings,\n",
        "": "# the user's",
    },
    "src/app/core/errors.py": {"": "# the user's"},
    "src/app/dependencies.py": {"": "# the user's"},
    "src/app/features/items/models.py": {"": "    price: int  # the user's"},
    "src/app/features/items/router.py": {"": '@router.get("/{item_id}/price")  # the user\'s'},
    "src/app/features/items/schemas.py": {
        "\n\nclass ItemListParams": "    price: int\n",
        "\n\nclass ItemUpdate": "    price: int\n",
    },
    "src/app/main.py": {"": "# the user's"},
    "tests/conftest.py": {"]\n\n\n@pytest.hookimpl": '    "tests.orders",\n', "": "# the user's"},
    "tests/contract/routes.txt": {"": "GET /api/v1/orders"},
}

DELETED_BY_THE_USER = "tests/unit/test_ids.py"
"""A generated file that the tests delete, as a user might."""


def make_user_changes(project: Path) -> None:
    """Add files, add lines to generated files, and delete a generated file, as users do."""
    for name in USER_FILES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(USER_TEXT, encoding="utf-8")
    for name, lines in USER_LINES.items():
        text = (project / name).read_text(encoding="utf-8")
        for before, line in lines.items():
            assert text.count(before) == 1 or not before, (name, before)
            text = text.replace(before, line + before) if before else f"{text}{line}\n"
        (project / name).write_text(text, encoding="utf-8")
    (project / DELETED_BY_THE_USER).unlink()


def test_uv_add_appends_packages_at_the_end(pair: Answers, render: Render, tmp_path: Path) -> None:
    project = shutil.copytree(render(**pair), tmp_path / "project")
    before = packages(project)

    run("uv", "add", "--frozen", "aaa", cwd=project)
    run("uv", "add", "--frozen", "--dev", "aaa", cwd=project)

    assert packages(project) == [[*listed, "aaa"] for listed in before]


def packages(project: Path) -> list[list[str]]:
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return [settings["project"]["dependencies"], settings["dependency-groups"]["dev"]]


def without_migrations(project: Path) -> dict[str, bytes]:
    left_out = (".git/", "migrations/")
    return {name: data for name, data in files(project).items() if not name.startswith(left_out)}


def test_overlay_folders_are_merged_and_updated_and_removed(
    copier: tuple[str, ...], tmp_path: Path
) -> None:
    """If a folder's name renders to `.`, copier must put the folder's files into its parent."""
    template, project = tmp_path / "template", tmp_path / "project"
    one, two, both = (
        f"template/{{% if orm {condition} %}}.{{% endif %}}/src"
        for condition in ("== 'one'", "== 'two'", "in ['one', 'two']")
    )
    for path, text in {
        "copier.yml": "_subdirectory: template\norm: {type: str, default: one}\n",
        "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_yaml }}",
        "template/src/all.txt": "all",
        f"{one}/engine.txt": "one",
        f"{one}/only-one.txt": "one",
        f"{two}/engine.txt": "two",
        f"{both}/shared.txt": "both",
    }.items():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_text(f"{text}\n")
    git(template, "init", "--quiet")
    release(template, "v1.0.0")

    run(*copier, "copy", *QUIET, template, project, cwd=tmp_path)
    git(project, "init", "--quiet")
    commit(project)
    assert texts(project / "src") == {
        "all.txt": "all\n",
        "engine.txt": "one\n",
        "only-one.txt": "one\n",
        "shared.txt": "both\n",
    }

    append(template / one / "engine.txt", "one, changed")
    release(template, "v1.1.0")
    run(*copier, "update", *QUIET, project, cwd=project)
    commit(project)
    assert texts(project / "src")["engine.txt"] == "one\none, changed\n"

    run(*copier, "update", *QUIET, "--data=orm=two", project, cwd=project)
    assert texts(project / "src") == {
        "all.txt": "all\n",
        "engine.txt": "two\n",
        "shared.txt": "both\n",
    }


def texts(folder: Path) -> dict[str, str]:
    return {name: data.decode() for name, data in files(folder).items()}


def test_the_answers_file_contains_every_asked_question_and_nothing_else(render: Render) -> None:
    # Choose Redis, because otherwise copier does not ask whether to add a worker.
    answers = render(redis=True) / ".copier-answers.yml"
    saved = yaml.safe_load(answers.read_text(encoding="utf-8"))

    expected = {*options.CODE, *options.SURFACE, *options.TEXT}
    assert saved.keys() - {"_commit", "_src_path"} == expected


def test_secrets_are_only_in_the_env_file(template: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    run(*COPIER, "copy", "--trust", "--defaults", template, project, cwd=tmp_path)

    lines = (project / ".env").read_text().splitlines()
    example = (project / ".env.example").read_text().splitlines()
    secrets = [line.partition("=")[2] for line in lines if line not in example]
    assert secrets
    for path in git(project, "ls-files", "-z").split("\0"):
        assert not path or not [s for s in secrets if s in (project / path).read_text()], path
    assert git(project, "check-ignore", ".env") == ".env\n"


def test_the_oldest_and_the_newest_copier_render_the_same_files(
    pair: Answers, template: Path, render: Render, tmp_path: Path
) -> None:
    data = [f"--data={name}={value}" for name, value in pair.items()]

    run(
        *oldest_copier(template),
        "copy",
        *QUIET,
        *data,
        template,
        tmp_path / "project",
        cwd=tmp_path,
    )

    assert files(tmp_path / "project") == files(render(**pair))


def releases() -> list[str]:
    """Return the release tags of this repository, or HEAD if the repository has no tags."""
    tags = subprocess.check_output(["git", "tag", "--list", "v*"], cwd=ROOT, text=True)
    return tags.split() or ["HEAD"]


@pytest.mark.parametrize("tag", releases())
def test_an_update_from_each_release_equals_a_fresh_copy(
    tag: str, template: Path, tmp_path: Path
) -> None:
    """Migrations are not compared, because an update keeps the migrations of the old release."""
    repository, project, fresh = (tmp_path / name for name in ("template", "project", "fresh"))
    answers: Answers = {"redis": True, "websockets": True, "worker": True}
    archive = tmp_path / "release.tar"
    run("git", "archive", f"--output={archive}", tag, cwd=ROOT, env=dict(os.environ))
    shutil.unpack_archive(archive, repository, filter="data")
    git(repository, "init", "--quiet")
    release(repository, "v0" if tag == "HEAD" else tag)
    render_to(repository, project, answers)
    git(project, "init", "--quiet")
    commit(project)

    git(repository, "rm", "-r", "--quiet", ".")
    shutil.copytree(template, repository, dirs_exist_ok=True)
    release(repository, "v9999")
    update(project, {})
    render_to(repository, fresh, answers)

    assert files_with_conflicts(project) == []
    assert without_migrations(project) == without_migrations(fresh)
    assert git(project, "diff", "--name-only", "HEAD", "--", "migrations/versions") == ""
