"""Records flame graphs of the service with py-spy.

py-spy is not a dependency of the project. uv downloads py-spy when this module uses it for the
first time.
"""

import asyncio
import os
import subprocess
from math import ceil
from pathlib import Path

PACKAGE = "py-spy>=0.4.2"
"""The first version of py-spy that supports Python 3.14 is 0.4.2."""


class ProfileError(OSError):
    """The profile could not be recorded. The error message contains the reason."""


def find_py_spy() -> list[str]:
    """Return the command that runs py-spy, and download py-spy if uv has not cached it yet.

    Raises `ProfileError` if uv cannot download py-spy.
    """
    uv = os.environ.get("UV", "uv")
    for options in (["--offline"], []):
        command = [uv, "tool", "run", *options, "--from", PACKAGE, "py-spy"]
        tried = subprocess.run(  # noqa: S603
            [*command, "--version"], capture_output=True, check=False, text=True
        )
        if tried.returncode == 0:
            return command
    raise ProfileError(f"uv could not download py-spy, which records the profile.\n{tried.stderr}")


async def record_profile(py_spy: list[str], pid: int, seconds: float, path: Path) -> None:
    """Profile a process for at least `seconds` seconds, and write a flame graph to `path`.

    Raises `ProfileError` if the operating system does not let py-spy read the process's memory.
    """
    options = ["--pid", str(pid), "--duration", str(ceil(seconds)), "--output", str(path)]
    process = await asyncio.create_subprocess_exec(
        *py_spy, "record", *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise ProfileError(
            "py-spy could not record the profile. On macOS, and on Linux systems that restrict"
            f" ptrace, py-spy must run as root.\n{output.decode(errors='replace')}"
        )
