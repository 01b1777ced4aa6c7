"""Create `.env`, install the dependencies and create the first commit in a new project.

copier runs this script in each newly generated project. If a step fails, the script prints the
commands to run by hand and still exits with 0, because copier deletes the project when a task
fails. The script uses only the standard library, because it runs in copier's Python environment.
"""

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TIMEOUT = 900  # Timeout of each command, in seconds. `uv sync` takes minutes on a slow network.

# Environment variables that could make uv and git use another project or repository.
FOREIGN = (
    *("VIRTUAL_ENV", "UV_PROJECT", "UV_FROZEN", "UV_LOCKED"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)

# The first commit skips the user's git hooks and signing, which could prompt for input or fail.
# With useConfigOnly, git fails instead of guessing the author's address from the host name.
GIT_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "user.useConfigOnly=true"),
)

Command = list[str]

ENV: list[Command] = [[sys.executable, "src/app_dev/env_file.py"]]
SYNC = [["uv", "sync"]]
INIT = [["git", "init", "--quiet", "--initial-branch=main"]]
COMMIT = [["git", "add", "."], ["git", "commit", "--quiet", "--message=Generate the project"]]


def main() -> None:
    remaining = plan()
    try:
        while remaining:
            title, commands = remaining[0]
            say(f"\n{title}")
            run_step(commands)
            remaining.pop(0)
    except KeyboardInterrupt:
        # After Ctrl-C, copier soon kills this script, so only print the remaining commands.
        print_commands("Stopped", [command for _, commands in remaining for command in commands])


def plan() -> list[tuple[str, list[Command]]]:
    """Return the steps that this project needs, each with a title and its commands."""
    here = Path.cwd()
    steps = [("Locking and installing the dependencies", SYNC)]
    if not (here / ".env").exists():
        steps.insert(0, ("Creating .env with new secrets", ENV))
    # The commit is the last step, so that it contains uv.lock.
    if any((folder / ".git").exists() for folder in (here, *here.parents)):
        say("The project is inside a git repository, so it is not committed. Commit it yourself.")
    else:
        steps.append(("Creating a git repository with a first commit", INIT + COMMIT))
    return steps


def run_step(commands: list[Command]) -> None:
    """Run the commands in order. If a command fails, print it and the remaining commands."""
    for index, command in enumerate(commands):
        problem = run(command)
        if problem:
            print_commands(f"Skipped, because {problem}", commands[index:])
            return


def print_commands(reason: str, commands: list[Command]) -> None:
    to_type = [["cd", str(Path.cwd())], *commands]
    lines = "".join(f"\n    {shlex.join(command)}" for command in to_type)
    say(f"{reason}. To do it yourself, run:{lines}")


def say(text: str) -> None:
    # Do not print to sys.stdout, because Python exits with an error if flushing it fails.
    # Flushing fails if the reader has closed the pipe (`| head`) or if the disk is full.
    with suppress(Exception):
        os.write(1, f"{text}\n".encode(sys.stdout.encoding, "backslashreplace"))


def run(command: Command) -> str:
    """Run a command. Return the reason if the command fails, or else an empty string."""
    name = Path(command[0]).name
    program = shutil.which(command[0])
    if program is None:
        return f"{name} is not installed"
    options = GIT_OPTIONS if name == "git" else ()
    try:
        done = subprocess.run(
            [program, *options, *command[1:]],
            env={key: value for key, value in os.environ.items() if key not in FOREIGN},
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{name} took more than {TIMEOUT} seconds"
    except OSError as error:
        return f"{name} does not run ({error})"
    return f"{name} failed with exit code {done.returncode}" if done.returncode else ""


if __name__ == "__main__":
    try:
        main()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - see the module's docstring
        say(f"Skipped the remaining steps: {error!r}")
