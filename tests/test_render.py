"""Test that rendering is reproducible and that each answer adds and removes the expected files."""

import re
import shutil
import stat
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support import options
from tests.support.options import Answers
from tests.support.rendering import Render, files, render_to
from tests.support.running import COPIER, attempt, run

CREATED_BY_HOOKS = {".env", ".git", ".venv", "uv.lock"}

# For each non-default answer, the files that the answer adds and the files that it removes.
FLIPS: dict[tuple[str, str | bool], tuple[set[str], set[str]]] = {
    ("orm", "sqlmodel"): (set(), set()),
    ("orm", "tortoise"): (
        {
            "src/app/core/database/observed_connection.py",
            "src/app/core/database/pool.py",
            "src/app/core/database/revisions.py",
            "src/app/core/database/sql_cache.py",
            "src/app/core/database/stored.py",
            "src/app/core/database/tables.py",
            "src/app/models.py",
            "tests/integration/test_asyncpg.py",
            "tests/integration/test_revision_files.py",
            "tests/integration/test_sql_cache.py",
            "tests/integration/test_tortoise.py",
            "tests/integration/test_tortoise_backend.py",
            "tests/support/schema_editors.py",
        },
        {
            "alembic.ini",
            "migrations/env.py",
            "migrations/script.py.mako",
            "src/app/core/database/autogenerate.py",
            "src/app/core/database/columns.py",
            "tests/integration/test_alembic.py",
            "tests/integration/test_alembic_schema.py",
            "tests/integration/test_closed_connections.py",
            "tests/integration/test_sqlalchemy.py",
            "tests/support/plain_alembic.py",
        },
    ),
    ("orm", "piccolo"): (
        {
            "src/app/core/database/observed_connection.py",
            "src/app/core/database/pool.py",
            "src/app/core/database/revisions.py",
            "src/app/core/database/sql_cache.py",
            "src/app/core/database/stored.py",
            "src/app/piccolo_app.py",
            "src/app/piccolo_conf.py",
            "tests/integration/test_asyncpg.py",
            "tests/integration/test_piccolo.py",
            "tests/integration/test_revision_files.py",
            "tests/integration/test_sql_cache.py",
        },
        {
            "alembic.ini",
            "migrations/env.py",
            "migrations/script.py.mako",
            "src/app/core/database/autogenerate.py",
            "src/app/core/database/columns.py",
            "src/app/core/database/schema.py",
            "src/app/core/database/statements.py",
            "tests/integration/test_alembic.py",
            "tests/integration/test_alembic_schema.py",
            "tests/integration/test_bulk_statements.py",
            "tests/integration/test_closed_connections.py",
            "tests/integration/test_sqlalchemy.py",
            "tests/support/plain_alembic.py",
        },
    ),
    ("database", "sqlite"): (
        {"src/app/core/database/decimals.py", "tests/integration/test_aiosqlite.py"},
        {
            ".github/actions/servers/action.yml",
            "src/app/core/database/driver.py",
            "src/app_dev/servers/child.py",
            "src/app_dev/servers/postgres.py",
            "tests/integration/test_closed_connections.py",
            "tests/integration/test_failover.py",
            "tests/integration/test_migrated_meanwhile.py",
        },
    ),
    ("auth", "none"): (
        set(),
        {
            ".scaffold/feature/tests/security/*",
            "docs/*",
            "migrations/versions/0002_users.py",
            "src/app/background.py",
            "src/app/core/jobs/*",
            "src/app/core/mail.py",
            "src/app/core/security/*",
            "src/app/features/auth/*",
            "src/app/features/users/*",
            "src/app/settings/auth.py",
            "tests/*",
        },
    ),
    ("redis", True): (
        {
            "docs/redis.md",
            "src/app/core/redis/*",
            "src/app/settings/redis.py",
            "src/app_dev/servers/redis.py",
            "tests/*",
        },
        {"tests/unit/test_warnings.py"},
    ),
    ("websockets", True): (
        {
            "docs/live-events.md",
            "src/app/core/events/*",
            "src/app/core/server/websockets.py",
            "src/app/features/auth/lifespan.py",
            "src/app/features/auth/sessions.py",
            "src/app/features/events/*",
            "src/app/features/users/activity.py",
            "tests/e2e/test_events.py",
            "tests/e2e/test_live_demo.py",
            "tests/e2e/test_live_processes.py",
            "tests/integration/test_uvicorn_websockets.py",
            "tests/support/live.py",
            "tests/security/test_live_events.py",
        },
        set(),
    ),
    ("worker", True): (
        {
            "src/app/core/jobs/*",
            "src/app/features/auth/jobs.py",
            "src/app/worker.py",
            "tests/*",
        },
        {"tests/e2e/test_jobs.py"},
    ),
    ("telemetry", True): (
        {
            "docs/telemetry.md",
            "observability/*",
            "src/app/core/telemetry/*",
            "src/app/features/telemetry/*",
            "src/app/metrics.py",
            "src/app/middleware/telemetry.py",
            "src/app/settings/telemetry.py",
            "src/app_dev/traces.py",
            "src/app_dev/tree.py",
            "tests/e2e/test_metrics.py",
            "tests/e2e/test_observability.py",
            "tests/e2e/test_traces.py",
            "tests/support/collector.py",
            "tests/unit/test_telemetry.py",
        },
        set(),
    ),
    ("uploads", True): (
        {
            "docs/files.md",
            "migrations/versions/0003_files.py",
            "src/app/core/files/*",
            "src/app/features/files/*",
            "src/app/settings/uploads.py",
            "tests/e2e/test_bucket.py",
            "tests/e2e/test_files.py",
            "tests/e2e/test_killed_uploads.py",
            "tests/e2e/test_upload_errors.py",
            "tests/integration/test_file_store.py",
            "tests/integration/test_sweep.py",
            "tests/security/test_bucket_access.py",
            "tests/security/test_file_access.py",
            "tests/support/bucket.py",
            "tests/support/files.py",
            "tests/unit/test_download.py",
            "tests/unit/test_inspection.py",
            "tests/unit/test_upload_form.py",
            "tests/unit/test_upload_settings.py",
        },
        set(),
    ),
    ("license", "Apache-2.0"): (set(), set()),
    ("license", "BSD-3-Clause"): (set(), set()),
    ("license", "Proprietary"): (set(), set()),
    ("python_version", "3.12"): (set(), set()),
    ("python_version", "3.14"): (set(), set()),
    ("kubernetes", True): ({"deploy/*", "docs/kubernetes.md"}, set()),
    ("ci", "gitlab"): ({".gitlab-ci.yml"}, {".github/*"}),
    ("ci", "none"): (set(), {".github/*", "renovate.json"}),
}


def modes(tree: Path) -> dict[str, int]:
    return {
        str(path.relative_to(tree)): stat.S_IMODE(path.stat().st_mode) for path in tree.rglob("*")
    }


def test_two_renders_of_the_same_answers_are_byte_identical(
    surface: Answers, template: Path, render: Render, tmp_path: Path
) -> None:
    again = tmp_path / "another-folder"
    render_to(template, again, surface)

    assert files(again) == files(render(**surface))
    assert modes(again) == modes(render(**surface))


@pytest.mark.parametrize(("question", "answer"), FLIPS, ids=str)
def test_an_answer_adds_and_removes_exactly_its_files(
    question: str, answer: str | bool, render: Render
) -> None:
    needs = options.NEEDS.get((question, answer), {})
    before = files(render(**needs)).keys()
    after = files(render(**needs, **{question: answer})).keys()

    for changed, patterns in zip(
        (after - before, before - after), FLIPS[question, answer], strict=True
    ):
        matches = {path: {p for p in patterns if fnmatch(path, p)} for path in changed}
        assert [path for path, found in matches.items() if not found] == []
        assert set().union(*matches.values()) == patterns


def test_actions_and_images_are_pinned_by_digest(surface: Answers, render: Render) -> None:
    """The uv image in the GitLab pipeline needs no digest, because Renovate adds one."""
    project = render(**surface)
    patterns = {
        "Dockerfile": r"^FROM (\S+)",
        "compose.yaml": r"^ *image: (\S+)",
        ".gitlab-ci.yml": r"^ *- name: (\S+)",
        ".github/workflows/ci.yml": r"^ *- uses: ([^.]\S+)",
    }
    named = {
        name: re.findall(pattern, (project / name).read_text(), re.MULTILINE)
        for name, pattern in patterns.items()
        if (project / name).exists()
    }

    used = [name for names in named.values() for name in names]
    digest = re.compile(r"@(sha256:[0-9a-f]{64}|[0-9a-f]{40})$")
    assert [name for name in used if not digest.search(name)] == []
    assert named["Dockerfile"][1].startswith(f"python:{surface['python_version']}-slim@")
    if surface["ci"] == "gitlab":
        assert '"docker:pinDigests"' in (project / "renovate.json").read_text()


def test_pipelines_use_the_images_of_the_compose_file(template: Path, render: Render) -> None:
    project = render(redis=True)
    images = re.findall(r"^ *image: (\S+)", (project / "compose.yaml").read_text(), re.MULTILINE)

    for root in (project, template):
        action = (root / ".github/actions/servers/action.yml").read_text()
        look_ups = re.findall(r"image=\$\((.+)\)", action)
        found = [run("bash", "-c", line, cwd=root).removesuffix("\n") for line in look_ups]
        assert sorted(found) == sorted(images)


def test_flips_lists_every_answer_that_is_not_a_default() -> None:
    choices = {**options.CODE, **options.SURFACE}

    assert set(FLIPS) == {(name, value) for name, values in choices.items() for value in values[1:]}


def test_a_copy_without_hooks_has_the_same_files(template: Path, tmp_path: Path) -> None:
    for name, how in {"with": "--trust", "without": "--skip-tasks"}.items():
        run(*COPIER, "copy", "--defaults", how, template, tmp_path / name, cwd=tmp_path)

    created = {path.name for path in (tmp_path / "with").iterdir()} - {
        path.name for path in (tmp_path / "without").iterdir()
    }
    assert created == CREATED_BY_HOOKS
    for name in created:
        path = tmp_path / "with" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert files(tmp_path / "with") == files(tmp_path / "without")


def test_an_untrusted_copy_is_refused_and_writes_nothing(template: Path, tmp_path: Path) -> None:
    done = attempt(*COPIER, "copy", "--defaults", template, tmp_path / "project", cwd=tmp_path)

    assert done.returncode == 4
    assert "--trust" in done.stdout
    assert not (tmp_path / "project").exists()
