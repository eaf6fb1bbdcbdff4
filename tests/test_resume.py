"""Killing runs: nothing is lost, nothing is asked twice beyond what was in flight."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from evalkit.results import Run

TESTS = Path(__file__).parent
SAMPLES = 300


def start(folder: Path, log: Path, after: int = -1, delay: float = 0.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(TESTS / "counted.py"), str(folder), str(log), str(TESTS / "catalogue")]
    env = {**os.environ, "KILL_AFTER": str(after), "KILL_DELAY": str(delay)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)


def lines(log: Path) -> list[str]:
    return log.read_text().split() if log.is_file() else []


def committed(folder: Path) -> set[str]:
    """Keys of the completions that a killed run has made durable."""
    if not (folder / "run.db").is_file():
        return set()
    with closing(sqlite3.connect(folder / "run.db")) as db:
        return {bytes(key).hex() for (key,) in db.execute("SELECT key FROM completion")}


@pytest.mark.slow
def test_a_run_killed_ten_times_equals_an_undisturbed_one(tmp_path: Path, capitals: Callable[..., Path]) -> None:
    capitals(SAMPLES)
    calm, calm_log = tmp_path / "calm", tmp_path / "calm.log"
    assert start(calm, calm_log).wait() == 0
    assert len(lines(calm_log)) == SAMPLES

    stormy, log = tmp_path / "stormy", tmp_path / "calm.log2"
    rng = random.Random(20261121)
    kills = 0
    done: set[str] = set()
    while kills < 10:
        begun = len(lines(log))
        # it kills itself after so many requests, a few milliseconds later; the first one before it has asked anything
        process = start(stormy, log, after=rng.randrange(1, 26) if kills else 0, delay=rng.random() * 0.02)
        assert process.wait() == -signal.SIGKILL
        assert not done & set(lines(log)[begun:]), "what was committed is never asked again"
        done = committed(stormy)
        kills += 1
    assert 0 < len(set(lines(log))) < SAMPLES, "the kills must fall inside the run"
    begun = len(lines(log))
    last = start(stormy, log)
    assert last.wait() == 0, last.stderr.read() if last.stderr else ""

    first, second = Run(calm).scores(), Run(stormy).scores()
    assert second.equals(first) and second.num_rows == SAMPLES * 2
    asked = Counter(lines(log))
    assert len(asked) == SAMPLES
    assert not done & set(lines(log)[begun:])
    assert 0 < len(done) < SAMPLES


def test_ctrl_c_keeps_everything_and_the_same_command_goes_on(tmp_path: Path, capitals: Callable[..., Path]) -> None:
    capitals(SAMPLES)
    folder, log = tmp_path / "run", tmp_path / "log"
    process = start(folder, log)
    while len(lines(log)) < 50:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    stopped = len(lines(log))
    assert stopped < SAMPLES
    assert start(folder, log).wait() == 0
    assert max(Counter(lines(log)).values()) <= 2
    assert len(lines(log)) - SAMPLES <= 1, "a clean stop asks at most the one request again that was being generated"


def test_a_grader_with_workers_leaves_no_process_and_no_open_log(tmp_path: Path) -> None:
    code = (
        "import evalkit as ek, psutil, threading, time\n"
        "seen = set()\n"
        "def watch():\n"
        "    while True:\n"
        "        seen.update(c.pid for c in psutil.Process().children(recursive=True))\n"
        "        time.sleep(0.01)\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "config = ek.load_config(ek.Catalogue().config_path('quickstart'), ['tasks=[olympiad/sample]',\n"
        "    'candidates=[{name: a, engine: replay, model: tasks/olympiad/sample/replies.jsonl,'\n"
        "    ' options: {where: {candidate: steady}}}]'])\n"
        f"ek.run(config, out={str(tmp_path / 'run')!r})\n"
        "print(*seen)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    workers = [int(pid) for pid in done.stdout.split()]
    assert workers, done.stderr
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if psutil.pid_exists(pid)]
    assert not list((tmp_path / "run").glob("*-wal"))


def test_a_second_process_is_refused_before_it_loads_anything(tmp_path: Path, capitals: Callable[..., Path]) -> None:
    data = capitals(SAMPLES)
    folder, log = tmp_path / "run", tmp_path / "log"
    first = start(folder, log)
    while len(lines(log)) < 5:
        time.sleep(0.005)
    (data / "rows.jsonl").rename(data / "gone.jsonl")  # a process that loaded the task would say that it is gone
    second = start(folder, log)
    _, message = second.communicate(timeout=60)
    (data / "gone.jsonl").rename(data / "rows.jsonl")
    first.kill()
    first.wait()
    assert "is in use by another evalkit process" in message.decode()
    assert second.returncode != 0
