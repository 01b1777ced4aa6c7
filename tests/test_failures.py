"""Failures, arranged for real: what the user sees, and what is left behind.

README.md tells the same in its table "When something goes wrong". What the hook does with programs
that are missing or fail is in test_hooks.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.hooks import quoted, typed
from tests.support.rendering import Render, files
from tests.support.repositories import committed, git
from tests.support.running import COPIER, attempt, environment, interrupt, run

COPY = (*COPIER, "copy", "--trust", "--defaults")
UNHOOKED = (*COPY, "--skip-tasks")
NAME = "it's a “projëkt” in 東京"


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system of one's own, in memory, where this machine allows it."""
    folder = tmp_path / "mounted"
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")
    if not all(map(shutil.which, ("mount", *sudo[:1]))):
        pytest.skip("nothing can be mounted on this machine")

    def mount(options: str) -> Path:
        folder.mkdir()
        command = (*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
        done = attempt(*command, cwd=tmp_path)
        if done.returncode:
            folder.rmdir()
            pytest.skip(f"nothing may be mounted on this machine: {done.stdout}")
        return folder

    yield mount
    if folder.exists():
        run(*sudo, "umount", folder, cwd=tmp_path)


def last_line(said: str) -> str:
    return said.rstrip().splitlines()[-1]


# --- The destination ---


def test_an_interrupted_copy_says_so_and_can_be_taken_up_again(
    template: Path, render: Render, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    done = interrupt(*UNHOOKED, template, project, when=project / "src")

    assert done.returncode == 1
    assert last_line(done.stdout) == "Execution stopped by user"
    assert 0 < len(files(project)) < len(files(render()))

    run(*UNHOOKED, "--overwrite", template, project, cwd=tmp_path)
    assert files(project) == files(render())


def test_a_full_disk_keeps_nothing_of_a_new_folder(
    mount: Callable[[str], Path], template: Path
) -> None:
    disk = mount("size=100k")

    done = attempt(*UNHOOKED, template, disk / "project", cwd=disk)

    assert done.returncode == 1
    assert "No space left on device" in last_line(done.stdout)
    assert list(disk.iterdir()) == []


def test_a_full_disk_keeps_what_was_written_in_a_folder_that_was_there(
    mount: Callable[[str], Path], template: Path
) -> None:
    disk = mount("size=100k")
    (disk / "mine.txt").write_text("mine\n")

    done = attempt(*UNHOOKED, template, disk, cwd=disk)

    assert done.returncode == 1
    assert "If the copy stops early, what it has written by then stays too." in done.stdout
    assert "No space left on device" in last_line(done.stdout)
    assert (disk / "mine.txt").read_text() == "mine\n"
    assert (disk / "src").exists()


def test_a_read_only_destination_is_told(mount: Callable[[str], Path], template: Path) -> None:
    disk = mount("ro")

    done = attempt(*UNHOOKED, template, disk / "project", cwd=disk)

    assert done.returncode == 1
    assert "Read-only file system" in last_line(done.stdout)


def test_what_is_in_a_folder_is_not_overwritten_unasked(template: Path, tmp_path: Path) -> None:
    """Where nobody can be asked, it stops there."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("README.md", "pyproject.toml", "mine.txt"):
        (project / name).write_text("mine\n")

    done = attempt(*UNHOOKED, template, project, cwd=tmp_path)

    assert done.returncode == 1
    assert "There are files in this folder already." in done.stdout
    assert "Interactive session required" in last_line(done.stdout)
    for name in ("README.md", "pyproject.toml", "mine.txt"):
        assert (project / name).read_text() == "mine\n"


def test_a_link_to_an_empty_folder_stands_for_the_folder(
    template: Path, render: Render, tmp_path: Path
) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)

    said = run(*UNHOOKED, template, link, cwd=tmp_path)

    assert "There are files in this folder" not in said
    assert link.is_symlink()
    assert files(folder) == files(render())


def test_a_link_to_nowhere_is_told_and_left(template: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")

    done = attempt(*UNHOOKED, template, link, cwd=tmp_path)

    assert done.returncode == 1
    assert "File exists" in last_line(done.stdout)
    assert link.is_symlink()
    assert not link.exists()


def test_a_file_in_the_place_of_the_folder_is_told_and_left(template: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine\n")

    done = attempt(*UNHOOKED, template, file, cwd=tmp_path)

    assert done.returncode == 1
    assert "Not a directory" in last_line(done.stdout)
    assert file.read_text() == "mine\n"


# --- The source, and copier ---


def test_without_git_no_repository_can_be_copied_from(tmp_path: Path) -> None:
    project = tmp_path / "project"

    done = attempt(
        *COPY,
        "gh:copier-fastapi/copier-fastapi",
        project,
        cwd=tmp_path,
        env=environment(PATH=str(tmp_path)),
    )

    assert done.returncode == 1
    assert last_line(done.stdout).endswith("Local template must be a directory.")
    assert not project.exists()


def test_without_a_network_git_says_so(tmp_path: Path) -> None:
    project = tmp_path / "project"

    # Nothing listens there, so it is refused at once.
    done = attempt(*COPY, "https://127.0.0.1:9/template.git", project, cwd=tmp_path)

    assert done.returncode == 1
    assert "fatal: unable to access" in last_line(done.stdout)
    assert not project.exists()


def test_a_copier_that_is_too_old_is_refused(template: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    settings = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    oldest = settings["_min_copier_version"]
    # The last one before it; the oldest itself and the newest are in test_update.py.
    uvx = ("uv", "tool", "run", "--python", sys.executable, "--from", f"copier<{oldest}")

    done = attempt(*uvx, *COPY[len(COPIER) - 1 :], template, project, cwd=tmp_path)

    assert done.returncode == 1
    assert f"This template requires Copier version >= {oldest}" in last_line(done.stdout)
    assert not project.exists()


# --- The hook ---


@pytest.mark.parametrize(
    ("python", "variables", "problem"),
    [
        (None, {"UV_OFFLINE": "1"}, "network was disabled"),
        ("3.14", {"UV_PYTHON_DOWNLOADS": "never"}, "No interpreter found for Python 3.14"),
    ],
    ids=["no network", "no such Python"],
)
def test_where_uv_cannot_install_the_project_is_whole_and_the_rest_is_told(
    python: str | None,
    variables: dict[str, str],
    problem: str,
    template: Path,
    tmp_path: Path,
) -> None:
    """The real uv, which finds neither packages nor, in PATH, another Python."""
    programs, project = tmp_path / "programs", tmp_path / NAME
    programs.mkdir()
    for name in ("uv", "git"):
        (programs / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is needed"))
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    variables |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_PYTHON_INSTALL_DIR": str(tmp_path)}
    if not python:
        variables["UV_PYTHON"] = sys.executable

    done = attempt(
        *COPY,
        f"--data=python_version={python or here}",
        template,
        project,
        cwd=tmp_path,
        env=environment(PATH=str(programs), **variables),
    )

    assert done.returncode == 0, done.stdout
    assert problem in done.stdout
    assert typed(done.stdout)[:2] == [f"cd {quoted(project)}", "uv sync"]
    assert "pyproject.toml" in committed(project)
    assert last_line(done.stdout) == "    uv run app dev"


def test_on_a_full_disk_the_hook_leaves_no_half_that_what_it_says_would_not_mend(
    mount: Callable[[str], Path], template: Path, render: Render
) -> None:
    disk = mount("size=4m")
    project, filler = disk / "project", disk / "filler"
    shutil.copytree(render(), project)
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(4 * 1024**2))

    said = run(sys.executable, template / "hooks/post_generate.py", cwd=project)

    assert said.count("No space left on device") >= 3
    assert said.count("To do it yourself") == 3
    filler.unlink()
    # There is still no room for the dependencies.
    mended = [line for line in typed(said) if line.startswith(("git ", sys.executable))]
    run("sh", "-ec", "\n".join(mended), cwd=project)
    example, made = (len((project / name).read_text()) for name in (".env.example", ".env"))
    assert made > example
    assert files(render()).keys() <= committed(project)


def test_output_that_nobody_reads_any_more_costs_no_project(
    template: Path, render: Render, tmp_path: Path
) -> None:
    """As in `copier copy … | head`. The exit code is copier's, which could not print either."""
    project = tmp_path / "project"
    reader, writer = os.pipe()
    os.close(reader)

    subprocess.run(
        [*COPY, "--quiet", template, project],
        # Unbuffered, copier itself ends at its first line.
        env=environment(PATH=str(tmp_path), PYTHONUNBUFFERED=""),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        check=False,
    )

    os.close(writer)
    assert files(project).keys() == files(render()).keys() | {".env"}


def test_a_name_with_blanks_and_foreign_letters_is_like_any_other(
    template: Path, tmp_path: Path
) -> None:
    project = tmp_path / NAME

    said = run(*COPY, "--data=database=sqlite", template, project, cwd=tmp_path)

    assert "To do it yourself" not in said
    assert git(project, "status", "--porcelain") == ""
    told = said.rpartition("Next:\n")[2].splitlines()[1:3]
    run("sh", "-c", f"{told[0]}\nuv run app db upgrade", cwd=tmp_path)
    assert git(project, "status", "--porcelain") == ""
