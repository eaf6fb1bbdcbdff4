"""Real vLLM in a process of its own: the same scores as transformers, each context read once, nothing left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import evalkit as ek
from evalkit.assembly import build_engine
from evalkit.config import CandidateSpec
from evalkit.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = "tasks/archive/model"
SMALL = {"enforce_eager": True, "max_num_seqs": 16}
TASKS = [
    {"task": "archive/rag@1k", "options": {"worlds": 3, "questions": 8}},
    {"task": "archive/retrieval@2k", "options": {"worlds": 2, "questions": 8}},
]

def environment() -> dict[str, str]:
    return {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"}


def run_file(folder: Path, candidates: list[dict[str, Any]]) -> Path:
    path = folder / "run.yaml"
    path.write_text(json.dumps({"name": "v", "tokenizer": MODEL, "tasks": TASKS, "candidates": candidates}))
    return path


@pytest.mark.vllm
@pytest.mark.slow
def test_a_run_on_vllm_scores_as_one_on_transformers_and_reads_each_context_once(
    vllm_here: None, tmp_path: Path
) -> None:
    path = run_file(
        tmp_path,
        [
            {"name": "vllm", "engine": "vllm", "model": MODEL, "options": {"engine": SMALL}},
            {"name": "hf", "engine": "hf", "model": MODEL},
        ],
    )
    command = [sys.executable, "-m", "evalkit.cli", "run", str(path), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment(), timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    run = ek.Run(tmp_path / "run")
    means = {(s.candidate, s.task): s.mean for s in run.summary() if s.primary}
    for task in ("archive/rag@1k", "archive/retrieval@2k"):
        assert means["vllm", task] == pytest.approx(means["hf", task], abs=1.5 / 16)  # one question may round otherwise
    rows = run.scores().to_pylist()
    used = {
        (c, t): [r[t] for r in rows if r["candidate"] == c and r["primary"]]
        for c in ("vllm", "hf") for t in ("prompt_tokens", "cached_tokens")
    }
    assert used["vllm", "prompt_tokens"] == used["hf", "prompt_tokens"]
    # 5 contexts are read once; each of 40 requests may compute one block that it does not fill (128 tokens on a CPU)
    computed = sum(used["vllm", "prompt_tokens"]) - sum(used["vllm", "cached_tokens"])
    fresh = sum(used["hf", "prompt_tokens"]) - sum(used["hf", "cached_tokens"])
    assert computed <= fresh + 40 * 128 < 0.5 * sum(used["vllm", "prompt_tokens"])


@pytest.mark.vllm
@pytest.mark.slow
def test_a_killed_run_leaves_no_vllm_behind(vllm_here: None, tmp_path: Path) -> None:
    path = run_file(tmp_path, [{"name": "vllm", "engine": "vllm", "model": MODEL, "options": {"engine": SMALL}}])
    command = [sys.executable, "-m", "evalkit.cli", "run", str(path), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    children: set[psutil.Process] = set()
    while time.monotonic() < deadline and not any("EngineCore" in name(c) for c in children):
        children |= set(psutil.Process(process.pid).children(recursive=True))
        time.sleep(0.2)
        if process.poll() is not None:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert children
    deadline = time.monotonic() + 20
    while (left := [name(c) for c in children if alive(c)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


@pytest.mark.vllm
@pytest.mark.slow
def test_when_vllm_s_engine_is_killed_what_came_is_kept_and_a_resumed_run_ends(vllm_here: None, tmp_path: Path) -> None:
    slow = {"engine": {**SMALL, "max_num_seqs": 1}, "in_flight": 1}
    path = run_file(tmp_path, [{"name": "vllm", "engine": "vllm", "model": MODEL, "options": slow}])
    command = [sys.executable, "-m", "evalkit.cli", "run", str(path), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE, text=True)
    children: set[psutil.Process] = set()
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None and not len(stored(tmp_path / "run")) >= 2:
        children |= set(psutil.Process(process.pid).children(recursive=True))
        time.sleep(0.02)
    [core] = [child for child in children if alive(child) and "EngineCore" in name(child)]
    core.kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors[-3000:]
    assert "vLLM died with 1 request in flight: its engine process has ended" in errors and "Traceback" not in errors
    deadline = time.monotonic() + 20
    while (left := [name(c) for c in children if alive(c)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    kept = stored(tmp_path / "run")
    assert 2 <= len(kept) < 40
    command = [*command[:4], "--resume", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    now = stored(tmp_path / "run")
    assert len(now) == 40 and kept.items() <= now.items(), "nothing is asked again"


@pytest.mark.vllm
@pytest.mark.slow
def test_a_stop_while_vllm_loads_ends_the_run(vllm_here: None, tmp_path: Path) -> None:
    """As Ctrl-C does, the signal goes to vLLM's engine process too."""
    path = run_file(tmp_path, [{"name": "vllm", "engine": "vllm", "model": MODEL, "options": {"engine": SMALL}}])
    command = [sys.executable, "-m", "evalkit.cli", "run", str(path), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if any("EngineCore" in name(c) for c in psutil.Process(process.pid).children(recursive=True)):
            break
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Go on with: evalkit run --resume" in errors, errors[-3000:]


def stored(run: Path) -> dict[bytes, float]:
    """How long each stored completion took, by its key."""
    if not (run / "run.db").is_file():
        return {}
    with contextlib.closing(sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True)) as database:
        try:
            return dict(database.execute("SELECT key, seconds FROM completion WHERE error IS NULL OR error = ''"))
        except sqlite3.OperationalError:  # not there yet
            return {}


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may wait for somebody to ask for its status."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def name(process: psutil.Process) -> str:
    try:
        return " ".join([process.name(), *process.cmdline()])
    except psutil.Error:
        return ""


def test_an_unknown_argument_of_vllms_gets_the_nearest_name(vllm_here: None) -> None:
    spec = CandidateSpec(name="v", engine="vllm", model=MODEL, options={"engine": {"tensor_paralel_size": 2}})
    with pytest.raises(ConfigError, match="no engine argument 'tensor_paralel_size'; did you mean 'tensor_parallel_s"):
        build_engine(spec, ek.Catalogue())


@pytest.mark.parametrize(
    "given", [{"reasoning_parser": "qwen3"}, {"structured_outputs_config": {"reasoning_parser": "qwen3"}}]
)
def test_a_parser_of_thinking_is_refused_as_constraints_hold_from_the_first_token_on(
    given: dict[str, Any], vllm_here: None
) -> None:
    spec = CandidateSpec(name="v", engine="vllm", model=MODEL, options={"engine": given})
    with pytest.raises(ConfigError, match=r"`reasoning_parser` cannot be set: .*; engine 'vllm-server' takes one"):
        build_engine(spec, ek.Catalogue())


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is here")
def test_without_vllm_the_sentence_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'evalkit-lm\[vllm\]'"):
        build_engine(CandidateSpec(name="v", engine="vllm", model=MODEL), ek.Catalogue())
