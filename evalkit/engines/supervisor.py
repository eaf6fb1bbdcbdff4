"""Runs a server for as long as the process that wants it lives, and not a second longer.

A program of its own, between evalkit and the server: `python supervisor.py PARENT_PID COMMAND...`. It starts the
command in a session of its own, so that a Ctrl-C in the terminal is not the server's, and watches its parent. When
the parent is gone (`kill -9` included), when it is told to end, or when the server ends, it ends everything that the
server has started. If somebody kills the supervisor itself, Linux ends the server.

It imports nothing of evalkit, so that it starts at once and in any interpreter.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

LOOK = 0.1  # seconds between two looks at parent and server
GRACE = 10.0  # seconds that a server has to end by itself
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def supervise(parent: int, command: Sequence[str]) -> int:
    """Run a command until it ends, its parent is gone, or SIGTERM comes. Returns its exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _leave)
    server = subprocess.Popen(command, start_new_session=True, preexec_fn=_end_with_supervisor)
    try:
        while os.getppid() == parent and not _ended(server.pid):
            time.sleep(LOOK)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        end(server)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def end(server: subprocess.Popen[bytes]) -> None:
    """End a server and everything in its session: asked first, then killed."""
    if not _ended(server.pid):
        _signal(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while not _ended(server.pid) and time.monotonic() < deadline:
            time.sleep(LOOK)
    _signal(server.pid, signal.SIGKILL)  # its number cannot have been given away: nobody has asked for its status yet
    server.wait()


def _ended(pid: int) -> bool:
    """Whether a child has ended; it is left to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_with_supervisor() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(*_: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(supervise(int(sys.argv[1]), sys.argv[2:]))
