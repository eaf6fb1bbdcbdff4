"""When evalkit is killed, what it started while vLLM was loaded is ended, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")

PARENT = """
import subprocess, sys, time
from evalkit.engines.vllm import watcher

sleep = [sys.executable, "-c", "import time; time.sleep(120)"]
starts = f"import subprocess; p = subprocess.Popen({sleep}); print(p.pid, flush=True); p.wait()"
nested = [sys.executable, "-c", starts]
before = subprocess.Popen(sleep)
pipe = subprocess.PIPE
watching = subprocess.Popen(
    [sys.executable, "-I", watcher.__file__, str(__import__("os").getpid())], stdin=pipe, stdout=pipe,
    start_new_session=True,
)
assert watching.stdout.readline() == watcher.READY
vllm = subprocess.Popen(nested, stdout=pipe, start_new_session=True)
below = int(vllm.stdout.readline())
time.sleep(3 * watcher.LOOK)
watching.stdin.write(watcher.LOADED)
watching.stdin.flush()
time.sleep(2 * watcher.LOOK)
after = subprocess.Popen(sleep)
time.sleep(3 * watcher.LOOK)
if "done" in sys.argv:
    watching.stdin.write(watcher.DONE)
    watching.stdin.flush()
    watching.wait()
print(before.pid, vllm.pid, below, after.pid, watching.pid, flush=True)
time.sleep(120)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.parametrize("goodbye", [False, True])
def test_after_kill_minus_9_only_vllm_s_processes_are_ended(goodbye: bool) -> None:
    command = [sys.executable, "-c", PARENT, *(["done"] if goodbye else [])]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    before, vllm, below, after, watching = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    try:
        assert gone(watching)
        assert [alive(before), alive(after)] == [True, True], "a user's own processes are nobody's business"
        if goodbye:
            assert [alive(vllm), alive(below)] == [True, True]
        else:
            assert gone(vllm) and gone(below)
    finally:
        for pid in (before, vllm, below, after):
            if alive(pid):
                os.kill(pid, 9)
