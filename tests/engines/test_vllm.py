"""Real vLLM in a process of its own: the same scores as transformers, each context read once, nothing left behind."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import evalkit as ek
from evalkit.config import CandidateSpec
from evalkit.errors import ConfigError
from evalkit.evaluation import build_engine

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = "tasks/archive/model"
SMALL = {"enforce_eager": True, "max_num_seqs": 16}
TASKS = [
    {"task": "archive/rag@1k", "options": {"worlds": 3, "questions": 8}},
    {"task": "archive/retrieval@2k", "options": {"worlds": 2, "questions": 8}},
]

ASKED = """
import json, sys
import evalkit as ek
from evalkit.config import CandidateSpec
from evalkit.evaluation import build_engine
from evalkit.protocols import user
from evalkit.records import Constraint, Prompt, Request, Sample, Sampling


def main():
    model, options = json.loads(sys.argv[1])
    engine = build_engine(CandidateSpec(name="small", engine="vllm", model=model, options=options), ek.Catalogue())

    def request(name, text, schema=None, **sampling):
        how = Sampling(**{"max_tokens": 12, **sampling})
        constraint = Constraint(json=schema) if schema else None
        return Request(Prompt((user(text),)), Sample(name, ("q",)), sampling=how, constraint=constraint)

    long = "The trade of Mara Ashby was weaver. " * 60
    asked = [
        request("plain", "What was the trade of Mara Ashby?"),
        request("cut", "What was the trade of Mara Ashby?", max_tokens=2),
        request("choice", "What was it?", {"enum": ["weaver", "mason"]}),
        request("drawn", "What was it?", temperature=1.0, seed=5),
        request("drawn again", "What was it?", temperature=1.0, seed=5),
        request("broken schema", "What was it?", {"type": "no such type"}),
        request("too long", long * 200),
        *(request(f"shared {n}", long + f"Question {n}?") for n in range(12)),
    ]
    names = {r.key: r.sample.id for r in asked}
    found = {}
    for c in engine.generate(asked):
        found[names[c.key]] = [c.text, c.finish, c.error, c.usage.prompt_tokens, c.usage.cached_tokens, c.seconds]
    stopped = engine.generate(request(f"s{n}", long + f"{n}", max_tokens=200) for n in range(8))
    next(stopped)
    stopped.close()  # as Ctrl-C does: what is in flight is given up
    again = [c.finish for c in engine.generate([request("again", "What was it?")])]
    engine.close()
    print("FOUND " + json.dumps([found, again]))


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="session")
def vllm_here() -> None:
    """A vLLM build that runs on this machine. Missing it fails in CI and is a visible skip elsewhere."""
    if importlib.util.find_spec("vllm") is None:
        if os.environ.get("CI"):
            pytest.fail("vLLM's CPU build is not installed: `make test` installs it")
        pytest.skip("no vLLM build here")


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
def test_what_vllm_is_asked_and_what_it_says(vllm_here: None, tmp_path: Path) -> None:
    script = tmp_path / "asked.py"
    script.write_text(ASKED)
    options = {"engine": SMALL, "max_model_len": 4096}
    command = [sys.executable, str(script), json.dumps([MODEL, options])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment(), timeout=400)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stderr[-3000:]
    found, again = json.loads(lines[0].removeprefix("FOUND "))
    assert found["plain"][1] in {"stop", "length"} and found["plain"][2] == ""
    assert found["cut"][1] == "length"
    assert found["choice"][0].strip() in {'"weaver"', '"mason"'}
    assert found["drawn"][0] != "" and found["drawn"][1] != "error"
    assert found["broken schema"][1] == "error" and "vLLM refuses the request" in found["broken schema"][2]
    assert found["too long"][1] == "error" and "exceed the model's 4,096" in found["too long"][2]
    followers = [found[f"shared {n}"] for n in range(1, 12)]
    assert all(cached > 0 for *_, cached, _ in followers), "every follower waits for its leader's prompt"
    assert all(seconds >= 0 for *_, seconds in found.values())
    assert again == ["length"] or again == ["stop"], "an engine goes on after a stop"


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


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is here")
def test_without_vllm_the_sentence_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'evalkit-lm\[vllm\]'"):
        build_engine(CandidateSpec(name="v", engine="vllm", model=MODEL), ek.Catalogue())
