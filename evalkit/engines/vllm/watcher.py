"""Ends what vLLM has started when evalkit is gone, `kill -9` included; and nothing else.

A program of its own: `python watcher.py PARENT_PID`, its standard input a pipe whose other end the parent holds. It
answers with a line once it has seen which processes the parent had before; those are never touched. What the parent
starts from then until it writes `loaded` is vLLM's, and so is all that descends from it. When the pipe closes without
a `done`, the parent is gone, and what is left of vLLM is killed. It imports nothing of evalkit, so that it starts at
once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

LOOK = 0.2  # seconds between two looks at the descendants
READY, LOADED, DONE = b"ready\n", b"loaded\n", b"done\n"
"""What watcher and parent say to each other, a line each."""

Processes = dict[int, tuple[int, str]]
"""Parent and starting time by pid."""


def processes() -> Processes:
    """All processes there are (proc(5), fields 4 and 22 of `stat`)."""
    found: Processes = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[1]), fields[19])
    return found


def descendants(of: set[int], there: Processes) -> dict[int, str]:
    """Starting times by pid of all processes that descend from some; these and this program are left out."""
    found: dict[int, str] = {}
    parents = of
    while parents:
        children = {pid for pid, (parent, _) in there.items() if parent in parents and pid not in found}
        children.discard(os.getpid())
        found.update((pid, there[pid][1]) for pid in children)
        parents = children
    return found


def watch(parent: int) -> None:
    """Until the parent says `done` or is gone; then end what is left."""
    before = descendants({parent}, processes())
    os.write(sys.stdout.fileno(), READY)
    ours: dict[int, str] = {}
    loading, said = True, b""
    while True:
        heard = bool(select.select([sys.stdin], [], [], LOOK)[0])
        there = processes()
        roots = {parent} if loading else {pid for pid, began in ours.items() if there.get(pid, (0, ""))[1] == began}
        found = descendants(roots, there)
        ours.update((pid, began) for pid, began in found.items() if before.get(pid) != began)
        if not heard:
            continue
        piece = os.read(sys.stdin.fileno(), 4096)
        said += piece
        loading = loading and LOADED not in said
        if DONE in said:
            return
        if not piece:
            break
    there = processes()
    for pid, began in ours.items():
        if there.get(pid, (0, ""))[1] == began:  # a number may have been given away since
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what ends the parent must not end its watcher
    watch(int(sys.argv[1]))
