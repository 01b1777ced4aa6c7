"""Make a fresh copy ready to run: `.env`, its dependencies, a first commit.

copier runs this in the new project. It is all convenience, and a task that fails would make copier
delete the project: so whatever cannot be done is told, with what to type, and the exit code is 0.
Standard library only, as the interpreter is copier's.
"""

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TIMEOUT = 900  # seconds for one command; on a slow network the dependencies take minutes

# What the shell around copier says about another project.
FOREIGN = (
    *("VIRTUAL_ENV", "UV_PROJECT", "UV_FROZEN", "UV_LOCKED"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)

# The user's own hooks and key were not meant for this commit, and may ask questions; an author
# guessed from the machine's name would stay in the history.
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
    left = plan()
    try:
        while left:
            title, commands = left[0]
            say(f"\n{title}")
            attempt(commands)
            left.pop(0)
    except KeyboardInterrupt:
        # Ctrl-C stops copier too, which kills its tasks: there is only time for a word.
        suggest("Stopped", [command for _, commands in left for command in commands])


def plan() -> list[tuple[str, list[Command]]]:
    here = Path.cwd()
    steps = [("Locking and installing the dependencies", SYNC)]
    if not (here / ".env").exists():
        steps.insert(0, ("Making .env, with fresh secrets", ENV))
    # The commit comes last, so that it holds the lock.
    if any((folder / ".git").exists() for folder in (here, *here.parents)):
        say("This is inside a repository: its next commit is yours to make.")
    else:
        steps.append(("Making a repository with a first commit", INIT + COMMIT))
    return steps


def attempt(commands: list[Command]) -> None:
    """Run commands in turn; from one that fails on, say what is left to type."""
    for index, command in enumerate(commands):
        problem = run(command)
        if problem:
            suggest(f"Skipped, as {problem}", commands[index:])
            return


def suggest(why: str, commands: list[Command]) -> None:
    typed = [["cd", str(Path.cwd())], *commands]
    lines = "".join(f"\n    {shlex.join(command)}" for command in typed)
    say(f"{why}. To do it yourself:{lines}")


def say(text: str) -> None:
    # Past Python's buffer, which would fail the exit too where nobody reads any more (`| head`) or
    # the log's disk is full.
    with suppress(Exception):
        os.write(1, f"{text}\n".encode(sys.stdout.encoding, "backslashreplace"))


def run(command: Command) -> str:
    """Run a command in full view; return what went wrong, or nothing."""
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
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the project outweighs them all
        say(f"Skipped what was left to do: {error!r}")
