"""`app serve` in the child process of a measurement, with reports of the CPU time.

The process itself reports how much CPU time it has used, because the standard library has no
function that returns the CPU time of another process on every operating system.
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
    """Run `app serve` in this process, and write its log to the standard error stream."""
    reports = os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "linux":
        # Some kernels let only ancestors trace a process. This call lets py-spy trace this process.
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    threading.Thread(target=_report_cpu_time, args=[reports], daemon=True).start()
    sys.argv = ["app", "serve"]
    cli.main()


def _report_cpu_time(reports: int) -> None:
    """Write the CPU time for each byte on standard input. At the end of the input, stop serving."""
    while os.read(0, 1):
        os.write(reports, f"{time.process_time()}\n".encode())
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve()
