"""Runs `app serve` in a child process, which also reports its CPU time.

The child process reports its own CPU time, because Python's standard library has no function that
returns the CPU time of another process on every operating system.
"""

import ctypes
import os
import signal
import sys
import threading
import time

from app import cli

PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


def serve() -> None:
    """Run `app serve` in this process, with its log on stderr instead of stdout."""
    reports = os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "linux":
        # Some systems let only ancestors trace a process. This call lets py-spy trace this process.
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    threading.Thread(target=_report_cpu_time, args=[reports], daemon=True).start()
    sys.argv = ["app", "serve"]
    cli.main()


def _report_cpu_time(reports: int) -> None:
    """For each byte read from stdin, write the CPU time. At EOF, stop the service."""
    while os.read(0, 1):
        os.write(reports, f"{time.process_time()}\n".encode())
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve()
