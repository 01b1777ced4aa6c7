# /// script
# requires-python = ">=3.12"
# dependencies = ["rich>=14"]
# ///
"""Record the terminal session in the README as docs/terminal.svg: `uv run just record`.

The script runs every command of the session: it generates a project with the default answers from
this checkout into a temporary folder, starts the service, and sends requests to the service. The
script needs uv, git, curl and a free port 8000.

The picture shows the real output with four changes: the script removes the path of the temporary
folder, replaces the home directory with `~`, shortens long lists of files and packages, and removes
the line in which copier prints the command of its hook.
"""

import http.client
import io
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/terminal.svg"
PORT = 8000
WIDTH = 120
START_TIMEOUT = 120
"""Maximum time from the start of the service to its first response, in seconds."""

SHOWN = 3
"""Number of lines that the picture shows of a long list of files or packages."""

LISTED = re.compile(r"\s*(create |identical |\+ )")
"""Pattern of the lines that copier prints for each file, and that uv prints for each package."""

TASK = re.compile(r"\s*> Running task ")
"""Pattern of the line in which copier prints the command of a hook."""

COPY = "uvx copier copy --trust --defaults --vcs-ref HEAD . {project}"
SERVE = "uv run app dev"
USER = '{"email": "ann@example.com", "name": "Ann", "password": "correct horse battery"}'
REQUESTS = [
    f"curl --silent http://127.0.0.1:{PORT}/health",
    f"curl --silent --json '{USER}' http://127.0.0.1:{PORT}/api/v1/users",
]

PIPED: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.STDOUT,
    "encoding": "utf-8",
}
"""Arguments for `subprocess` that write stdout and stderr to one pipe."""


class Recording:
    """Recorded lines of the terminal session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)

    def add_command(self, command: str) -> None:
        self._console.print(Text.assemble(("$ ", "bold green"), (self._shorten(command), "bold")))

    def add_comment(self, text: str) -> None:
        self._console.print(Text(f"# {text}", "dim"))

    def add_output(self, lines: Iterable[str]) -> None:
        texts = [Text.from_ansi(self._shorten(line)) for line in lines]
        texts = [text for text in texts if not TASK.match(text.plain)]
        for is_list, group in itertools.groupby(texts, lambda text: is_listed(text.plain)):
            members = list(group)
            shown = SHOWN if is_list and len(members) > SHOWN + 1 else len(members)
            for text in members[:shown]:
                self._console.print(text)
            if shown < len(members):
                self._console.print(Text(f"    … {len(members) - shown} more", "dim"))

    def save(self) -> None:
        svg = self._console.export_svg(title="copier-fastapi", theme=MONOKAI)
        # Remove the @font-face rules, so that the picture does not load a font from a CDN.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        PICTURE.write_text(svg.rstrip() + "\n", encoding="utf-8")

    def _shorten(self, text: str) -> str:
        return text.replace(f"{self._folder}/", "").replace(str(Path.home()), "~")


def is_listed(line: str) -> bool:
    return LISTED.match(line) is not None


def environment(example: str = "") -> dict[str, str]:
    """Return environment variables that enable colors and set a git author.

    The settings in `example`, the text of `.env.example`, are omitted.
    """
    settings = re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE)
    kept = os.environ.keys() - {*settings, "NO_COLOR", "VIRTUAL_ENV"}
    return {name: os.environ[name] for name in kept} | {
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
        "UV_NO_PROGRESS": "1",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
    }


def run(command: str, cwd: Path, env: dict[str, str]) -> list[str]:
    """Run a command that must succeed, and return the lines of its output."""
    done = subprocess.run(
        shlex.split(command),
        cwd=cwd,
        env=env,
        check=False,
        **PIPED,
    )
    if done.returncode:
        sys.exit(f"{command} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout.splitlines()


class Server:
    """A running `app dev` process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line.rstrip("\n"))

    def new_lines(self) -> list[str]:
        """Wait one second, and return the lines that were printed since the last call."""
        time.sleep(1)
        lines, self._lines = self._lines, []
        return lines

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not responds():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit("The project did not start:\n" + "\n".join(self._lines))
            time.sleep(0.2)


@contextmanager
def serving(project: Path, env: dict[str, str]) -> Iterator[Server]:
    """Run `app dev` until the context manager exits."""
    process = subprocess.Popen(
        shlex.split(SERVE),
        cwd=project,
        env=env,
        start_new_session=True,
        **PIPED,
    )
    try:
        yield Server(process)
    finally:
        # Send SIGINT to the whole process group, as Ctrl-C in a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)


def responds() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=1)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def main() -> None:
    if responds():
        sys.exit(f"A server is running on port {PORT}. Stop it, and run this command again.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        # If root runs this script, PostgreSQL runs as the user `nobody`, so give `nobody` access.
        folder.chmod(0o755)
        project = folder / "myapi"
        recording = Recording(folder)

        copy = COPY.format(project=project)
        recording.add_command(copy)
        recording.add_output(run(copy, ROOT, environment()))
        env = environment((project / ".env.example").read_text(encoding="utf-8"))
        recording.add_command("cd myapi")
        recording.add_command(SERVE)
        with serving(project, env) as server:
            server.wait_until_ready()
            # Remove the log lines of the requests that checked whether the service was ready.
            recording.add_output(line for line in server.new_lines() if "/health" not in line)
            recording.add_comment("In a second terminal:")
            for request in REQUESTS:
                recording.add_command(request)
                recording.add_output(run(request, project, env))
        recording.save()
    print(f"Recorded {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
