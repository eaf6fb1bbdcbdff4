"""Whole runs against a server: stopped, killed, resumed; every failure is visible by its reason."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evalkit as ek

TESTS = Path(__file__).parents[2]
TINY = TESTS / "catalogue" / "configs" / "tiny.yaml"
SAMPLES = 400
CONCURRENCY = 8
PROGRAM = f"""
import sys
from pathlib import Path
import evalkit as ek
changes = ["candidates.0.engine=http", "candidates.0.model=m",
           "candidates.0.options={{base_url: " + sys.argv[2] + ", concurrency: {CONCURRENCY}}}"]
catalogue = ek.Catalogue([Path({str(TESTS / "catalogue")!r})])
run = ek.run({str(TINY)!r}, out=sys.argv[1], overrides=changes, catalogue=catalogue)
print(run.errors)
"""
Serve = Callable[..., Any]


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TESTS.parent)


def stored(folder: Path) -> list[tuple[str, str]]:
    """Finish and error of every stored completion."""
    with sqlite3.connect(folder / "run.db") as db:
        return list(db.execute("SELECT finish, error FROM completion"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on_without_repeating_what_came_back(
    number: signal.Signals, serve: Serve, tmp_path: Path, capitals: Callable[..., Path]
) -> None:
    capitals(SAMPLES)
    server = serve()
    server.delay = 0.03
    process = start(tmp_path / "run", server.url)
    while len(server.asked) < 150 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(number)
    _, complaints = process.communicate(timeout=60)
    assert len(server.asked) >= 150, complaints
    assert process.returncode != 0 and len(server.asked) < SAMPLES - 50
    kept = len(stored(tmp_path / "run"))
    again = start(tmp_path / "run", server.url)
    printed, complaints = again.communicate(timeout=120)
    assert again.returncode == 0 and printed == "0\n", complaints
    asked = Counter(body["messages"][0]["content"] for body in server.asked)
    assert len(asked) == SAMPLES and max(asked.values()) <= 2
    assert len(server.asked) == SAMPLES + sum(n - 1 for n in asked.values()) <= 2 * SAMPLES - kept
    # in flight, and what came back within the last commit's 50 ms
    assert sum(n - 1 for n in asked.values()) <= CONCURRENCY * 5
    scores = ek.Run(tmp_path / "run").scores().to_pylist()
    assert sum(r["metric"] == "equal" for r in scores) == SAMPLES and all(r["status"] == "scored" for r in scores)


def test_every_kind_of_failure_is_stored_by_its_reason_and_asked_again(
    serve: Serve, scripted: Any, tmp_path: Path, catalogue: ek.Catalogue, capitals: Callable[..., Path]
) -> None:
    capitals(20)
    faults = ["429", "500", "cut", "drop", "stall", "malformed", "truncated", "400:no"]
    server = serve({f"Land{i}": [fault] for i, fault in enumerate(faults)})
    said: dict[str, dict[str, Any]] = {
        "Land10": scripted.reply(None, "stop", refusal="I must not."),
        "Land11": scripted.reply(None, "tool_calls", tool_calls=[{"id": "1"}]),
        "Land12": scripted.reply(None),
        "Land13": {"choices": []},
        "Land14": scripted.reply("City", "length"),
    }
    server.replies.update(said)
    options = f"{{base_url: {server.url}, attempts: 2, failures: 50, stall_timeout: 0.2}}"
    changes = ["candidates.0.engine=http", "candidates.0.model=m", f"candidates.0.options={options}"]
    result = ek.run(TINY, out=tmp_path / "run", overrides=changes, catalogue=catalogue)
    assert result.errors == len(faults) + 3
    found = Counter(finish for finish, _ in stored(tmp_path / "run"))
    assert found == {"stop": 7, "length": 1, "refusal": 1, "error": len(faults) + 3}
    reasons = {error for finish, error in stored(tmp_path / "run") if finish == "error"}
    assert len(reasons) == len(faults) + 3 and all(reasons), "each kind has words of its own"
    server.faults, server.replies = {}, {}
    before = len(server.asked)
    assert not ek.run(TINY, out=tmp_path / "run", overrides=changes, catalogue=catalogue).errors
    assert len(server.asked) - before == len(faults) + 3, "errors are asked again, answers are not"
    assert Counter(finish for finish, _ in stored(tmp_path / "run")) == {"stop": 18, "length": 1, "refusal": 1}
