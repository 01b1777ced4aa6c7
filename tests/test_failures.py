"""Test which message `copier copy` prints if it fails, and which files it leaves behind.

The tests cause real failures, such as a full disk. README.md describes these failures under "When
something goes wrong". test_hooks.py tests what hooks/post_generate.py does if uv or git is not
installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.hooks import quoted, suggested_commands
from tests.support.rendering import Render, files
from tests.support.repositories import committed, git
from tests.support.running import COPIER, attempt, environment, interrupt, run

COPY = (*COPIER, "copy", "--trust", "--defaults")
COPY_WITHOUT_HOOKS = (*COPY, "--skip-tasks")
NAME = "it's a “projëkt” in 東京"


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Yield a function that mounts a tmpfs. Skip the test if the user is not allowed to do so."""
    folder = tmp_path / "mounted"
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")
    if not all(map(shutil.which, ("mount", *sudo[:1]))):
        pytest.skip("mount or sudo is not installed.")

    def mount(options: str) -> Path:
        folder.mkdir()
        command = (*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
        done = attempt(*command, cwd=tmp_path)
        if done.returncode:
            folder.rmdir()
            pytest.skip(f"This user may not mount a tmpfs: {done.stdout}")
        return folder

    yield mount
    if folder.exists():
        run(*sudo, "umount", folder, cwd=tmp_path)


def last_line(output: str) -> str:
    return output.rstrip().splitlines()[-1]


# --- Failures caused by the destination folder ---


def test_an_interrupted_copy_can_be_completed_with_overwrite(
    template: Path, render: Render, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    done = interrupt(*COPY_WITHOUT_HOOKS, template, project, when=project / "src")

    assert done.returncode == 1
    assert last_line(done.stdout) == "Execution stopped by user"
    assert 0 < len(files(project)) < len(files(render()))

    run(*COPY_WITHOUT_HOOKS, "--overwrite", template, project, cwd=tmp_path)
    assert files(project) == files(render())


def test_a_new_folder_is_deleted_when_the_disk_is_full(
    mount: Callable[[str], Path], template: Path
) -> None:
    disk = mount("size=100k")

    done = attempt(*COPY_WITHOUT_HOOKS, template, disk / "project", cwd=disk)

    assert done.returncode == 1
    assert "No space left on device" in last_line(done.stdout)
    assert list(disk.iterdir()) == []


def test_an_existing_folder_is_kept_when_the_disk_is_full(
    mount: Callable[[str], Path], template: Path
) -> None:
    disk = mount("size=100k")
    (disk / "mine.txt").write_text("mine\n")

    done = attempt(*COPY_WITHOUT_HOOKS, template, disk, cwd=disk)

    assert done.returncode == 1
    assert (
        "If the copy fails, files that copier has already written remain in the folder."
        in done.stdout
    )
    assert "No space left on device" in last_line(done.stdout)
    assert (disk / "mine.txt").read_text() == "mine\n"
    assert (disk / "src").exists()


def test_a_read_only_destination_is_reported(mount: Callable[[str], Path], template: Path) -> None:
    disk = mount("ro")

    done = attempt(*COPY_WITHOUT_HOOKS, template, disk / "project", cwd=disk)

    assert done.returncode == 1
    assert "Read-only file system" in last_line(done.stdout)


def test_existing_files_are_not_overwritten_without_a_terminal(
    template: Path, tmp_path: Path
) -> None:
    """Without a terminal, copier cannot ask whether to overwrite a file, so copier stops."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("README.md", "pyproject.toml", "mine.txt"):
        (project / name).write_text("mine\n")

    done = attempt(*COPY_WITHOUT_HOOKS, template, project, cwd=tmp_path)

    assert done.returncode == 1
    assert "There are files in this folder already." in done.stdout
    assert "Interactive session required" in last_line(done.stdout)
    for name in ("README.md", "pyproject.toml", "mine.txt"):
        assert (project / name).read_text() == "mine\n"


def test_a_link_to_an_empty_folder_is_a_valid_destination(
    template: Path, render: Render, tmp_path: Path
) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)

    output = run(*COPY_WITHOUT_HOOKS, template, link, cwd=tmp_path)

    assert "There are files in this folder" not in output
    assert link.is_symlink()
    assert files(folder) == files(render())


def test_a_dangling_link_is_reported_and_kept(template: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")

    done = attempt(*COPY_WITHOUT_HOOKS, template, link, cwd=tmp_path)

    assert done.returncode == 1
    assert "File exists" in last_line(done.stdout)
    assert link.is_symlink()
    assert not link.exists()


def test_a_file_as_destination_is_reported_and_kept(template: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine\n")

    done = attempt(*COPY_WITHOUT_HOOKS, template, file, cwd=tmp_path)

    assert done.returncode == 1
    assert "Not a directory" in last_line(done.stdout)
    assert file.read_text() == "mine\n"


# --- Failures caused by the address of the template's repository or by copier's version ---


def test_a_repository_cannot_be_copied_without_git(tmp_path: Path) -> None:
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


def test_an_unreachable_host_is_reported_by_git(tmp_path: Path) -> None:
    project = tmp_path / "project"

    # No process listens on port 9, so the connection is refused at once.
    done = attempt(*COPY, "https://127.0.0.1:9/template.git", project, cwd=tmp_path)

    assert done.returncode == 1
    assert "fatal: unable to access" in last_line(done.stdout)
    assert not project.exists()


def test_a_copier_version_that_is_too_old_is_refused(template: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    settings = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    oldest = settings["_min_copier_version"]
    # Run the newest copier version that the template does not support.
    uvx = ("uv", "tool", "run", "--python", sys.executable, "--from", f"copier<{oldest}")

    done = attempt(*uvx, *COPY[len(COPIER) - 1 :], template, project, cwd=tmp_path)

    assert done.returncode == 1
    assert f"This template requires Copier version >= {oldest}" in last_line(done.stdout)
    assert not project.exists()


# --- Failures in hooks/post_generate.py, which copier runs after a copy ---


@pytest.mark.parametrize(
    ("python", "variables", "problem"),
    [
        (None, {"UV_OFFLINE": "1"}, "network was disabled"),
        ("3.14", {"UV_PYTHON_DOWNLOADS": "never"}, "No interpreter found for Python 3.14"),
    ],
    ids=["no network", "no such Python"],
)
def test_a_project_is_complete_when_uv_cannot_install_it(
    python: str | None,
    variables: dict[str, str],
    problem: str,
    template: Path,
    tmp_path: Path,
) -> None:
    """Run the real uv without a network, or without the Python version that the project needs."""
    programs, project = tmp_path / "programs", tmp_path / NAME
    programs.mkdir()
    for name in ("uv", "git"):
        (programs / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is not installed"))
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
    assert suggested_commands(done.stdout)[:2] == [f"cd {quoted(project)}", "uv sync"]
    assert "pyproject.toml" in committed(project)
    assert last_line(done.stdout) == "    uv run app dev"


def test_the_hooks_commands_complete_the_project_after_a_full_disk(
    mount: Callable[[str], Path], template: Path, render: Render
) -> None:
    disk = mount("size=4m")
    project, filler = disk / "project", disk / "filler"
    shutil.copytree(render(), project)
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(4 * 1024**2))

    output = run(sys.executable, template / "hooks/post_generate.py", cwd=project)

    assert output.count("No space left on device") >= 3
    assert output.count("To do it yourself") == 3
    filler.unlink()
    # Skip `uv sync`, because the 4 MB disk has no room for the dependencies.
    commands_to_complete = [
        line for line in suggested_commands(output) if line.startswith(("git ", sys.executable))
    ]
    run("sh", "-ec", "\n".join(commands_to_complete), cwd=project)
    example, made = (len((project / name).read_text()) for name in (".env.example", ".env"))
    assert made > example
    assert files(render()).keys() <= committed(project)


def test_a_closed_output_pipe_does_not_delete_the_project(
    template: Path, render: Render, tmp_path: Path
) -> None:
    """The test closes copier's output pipe early, as `copier copy … | head` does."""
    project = tmp_path / "project"
    reader, writer = os.pipe()
    os.close(reader)

    subprocess.run(
        [*COPY, "--quiet", template, project],
        # Buffer copier's output. Without a buffer, writing the first line to the pipe would fail.
        env=environment(PATH=str(tmp_path), PYTHONUNBUFFERED=""),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        check=False,
    )

    os.close(writer)
    assert files(project).keys() == files(render()).keys() | {".env"}


def test_a_path_with_spaces_and_non_ascii_letters_works(template: Path, tmp_path: Path) -> None:
    project = tmp_path / NAME

    output = run(*COPY, "--data=database=sqlite", template, project, cwd=tmp_path)

    assert "To do it yourself" not in output
    assert git(project, "status", "--porcelain") == ""
    next_commands = output.rpartition("Next:\n")[2].splitlines()[1:3]
    run("sh", "-c", f"{next_commands[0]}\nuv run app db upgrade", cwd=tmp_path)
    assert git(project, "status", "--porcelain") == ""
