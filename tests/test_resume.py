"""Killing runs: nothing is lost, nothing is asked twice beyond what was in flight."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.results import Run

TESTS = Path(__file__).parent
SAMPLES = 300
IN_FLIGHT = 40
"""Replies that an engine may have given and the store not yet committed: a tenth of a second's worth, generously."""


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(TESTS / "counted.py"), str(folder), str(log), str(TESTS / "catalogue")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def lines(log: Path) -> list[str]:
    return log.read_text().split() if log.is_file() else []


@pytest.mark.slow
def test_a_run_killed_ten_times_equals_an_undisturbed_one(tmp_path: Path, capitals: Callable[..., Path]) -> None:
    capitals(SAMPLES)
    calm, calm_log = tmp_path / "calm", tmp_path / "calm.log"
    assert start(calm, calm_log).wait() == 0
    assert len(lines(calm_log)) == SAMPLES

    stormy, log = tmp_path / "stormy", tmp_path / "calm.log2"
    rng = random.Random(20261121)
    kills = 0
    while kills < 10:
        before = len(lines(log))
        process = start(stormy, log)
        # so many more requests until the kill; sometimes none, to hit the start and the preflight as well
        target = before + rng.randrange(0, 26)
        while process.poll() is None and len(lines(log)) < target:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert 0 < len(set(lines(log))) < SAMPLES, "the kills must fall inside the run"
    last = start(stormy, log)
    assert last.wait() == 0, last.stderr.read() if last.stderr else ""

    first, second = Run(calm).scores(), Run(stormy).scores()
    assert second.equals(first) and second.num_rows == SAMPLES * 2
    asked = Counter(lines(log))
    assert len(asked) == SAMPLES
    repeated = sum(n - 1 for n in asked.values())
    assert repeated <= 10 * IN_FLIGHT, f"{repeated} requests were generated again after 10 kills"


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


def test_nothing_survives_the_process(tmp_path: Path, capitals: Callable[..., Path]) -> None:
    capitals(30)
    process = start(tmp_path / "run", tmp_path / "log")
    assert process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert not list((tmp_path / "run").glob("*-wal"))
