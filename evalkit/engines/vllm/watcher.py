"""Ends what vLLM has started when evalkit is gone, `kill -9` included.

A program of its own: `python watcher.py PARENT_PID`, its standard input a pipe whose other end the parent holds. While
the parent lives, it notes the parent's descendants (vLLM starts processes of its own while it loads); when the pipe
closes, it kills those that are left. It imports nothing of evalkit, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

LOOK = 0.2  # seconds between two looks at the descendants


def processes() -> dict[int, tuple[int, str]]:
    """All processes there are: parent and starting time by pid (proc(5), fields 4 and 22 of `stat`)."""
    found: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[1]), fields[19])
    return found


def descendants(of: int, there: dict[int, tuple[int, str]]) -> dict[int, str]:
    """Starting times of all processes that descend from one, by pid; this one is left out."""
    found: dict[int, str] = {}
    parents = {of}
    while parents:
        children = {pid for pid, (parent, _) in there.items() if parent in parents and pid != os.getpid()}
        found.update((pid, there[pid][1]) for pid in children)
        parents = children
    return found


def watch(parent: int) -> None:
    """Until the pipe closes; then end what is left."""
    known: dict[int, str] = {}
    while not select.select([sys.stdin], [], [], LOOK)[0]:
        known.update(descendants(parent, processes()))
    there = processes()
    for pid, started in known.items():
        if there.get(pid, (0, ""))[1] == started:  # a number may have been given away since
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what ends the parent must not end its watcher
    watch(int(sys.argv[1]))
