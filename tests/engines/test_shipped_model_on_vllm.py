"""The shipped model on real vLLM: it retrieves from its context there as it does through transformers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import evalkit as ek
from evalkit.config import CandidateSpec, RunConfig, TaskSpec
from evalkit.evaluation import build_engine, build_task, find_counter
from evalkit.records import Completion

MODEL = "tasks/archive/model"
QUESTIONS = 24

SERVE = """
import json, sys
from vllm import LLM, SamplingParams, TokensPrompt
job = json.load(open(sys.argv[1]))
llm = LLM(job["model"], enforce_eager=True, dtype="float32", max_model_len=4096, seed=0)
sampling = SamplingParams(temperature=0, max_tokens=job["max_tokens"])
outputs = llm.generate([TokensPrompt(prompt_token_ids=ids) for ids in job["prompts"]], sampling, use_tqdm=False)
print("REPLIES " + json.dumps([[o.outputs[0].text, o.num_cached_tokens] for o in outputs]))
"""


@pytest.fixture(scope="session")
def vllm_here() -> None:
    """A vLLM build that runs on this machine. Missing it fails in CI and is a visible skip elsewhere."""
    if importlib.util.find_spec("vllm") is None:
        if os.environ.get("CI"):
            pytest.fail("vLLM's CPU build is not installed: `make test` installs it")
        pytest.skip("no vLLM build here")


@pytest.mark.vllm
@pytest.mark.slow
def test_vllm_and_transformers_read_the_same_answers_from_the_context(vllm_here: None, tmp_path: Path) -> None:
    catalogue = ek.Catalogue()
    spec = CandidateSpec(name="small", engine="hf", model=MODEL)
    engine = build_engine(spec, catalogue)
    counter = find_counter(MODEL, catalogue)
    task = build_task(TaskSpec(task="archive/rag@1k", options={"hops": 1}), 11, catalogue, counter)
    items = [item for item, _ in zip(task.load(), range(QUESTIONS), strict=False)]
    requests = [task.ask(sample, ())[0] for sample, _ in items]
    ours = {c.key: c for c in engine.generate(requests)}

    job = {
        "model": str(catalogue.locate(MODEL)),
        "max_tokens": requests[0].sampling.max_tokens,
        "prompts": [list(engine.encoder.encode(r.prompt).ids()) for r in requests],  # type: ignore[attr-defined]
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    env = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    command = [sys.executable, "-c", SERVE, str(tmp_path / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("REPLIES "))
    theirs = json.loads(line.removeprefix("REPLIES "))

    same = sum(ours[r.key].text == text for r, (text, _) in zip(requests, theirs, strict=True))
    assert same >= QUESTIONS - 1, "greedy replies differ by more than a rounding tie"
    right = 0
    with ek.grading("test", ("answers",)) as context:
        for (sample, privileged), (text, _) in zip(items, theirs, strict=True):
            answer = task.read(sample, [Completion(b"", text)])
            right += answer.value is not None and list(answer.value)[:1] == list(context.open(privileged).answers)[:1]
    assert right >= 0.85 * QUESTIONS
    engine.close()


def test_the_run_config_of_the_quickstart_names_the_shipped_model() -> None:
    config = ek.load_config(ek.Catalogue().config_path("quickstart"))
    assert isinstance(config, RunConfig)
    assert config.tokenizer == MODEL and config.candidates[0].model == MODEL
