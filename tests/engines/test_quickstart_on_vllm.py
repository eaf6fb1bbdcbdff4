"""The quickstart's tasks on real vLLM, in this process and as a server: the scores are those of transformers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import evalkit as ek

QUESTIONS = 12  # of each of the six tasks
MODEL = "tasks/archive/model"


def scores(run: ek.Run) -> dict[tuple[str, str], float]:
    """The primary score of each question."""
    return {(r["task"], r["sample"]): r["value"] for r in run.scores().to_pylist() if r["primary"]}


@pytest.fixture(scope="module")
def transformers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    run = ek.load_config(ek.Catalogue().config_path("quickstart"))
    archive = tuple(t for t in run.tasks if t.task.startswith("archive/"))
    alone = run.model_copy(update={"tasks": archive, "candidates": run.candidates[:1]})
    return scores(ek.run(alone, limit=QUESTIONS, out=tmp_path_factory.mktemp("hf") / "run"))


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.parametrize("config", ["quickstart-vllm", "quickstart-vllm-server"])
def test_scores_are_equal_whatever_serves_the_model(
    config: str, transformers: dict[tuple[str, str], float], vllm_here: None, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "evalkit.cli", "run", config, "--limit", str(QUESTIONS), "--out", "run"]
    env = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    run = ek.Run(tmp_path / "run")
    found = scores(run)
    assert found.keys() == transformers.keys() and len(found) == 6 * QUESTIONS
    same = sum(found[place] == transformers[place] for place in found)
    assert same >= len(found) - 1, "greedy replies differ by more than a rounding tie"
    assert sum(found.values()) / len(found) > 0.6, "the model reads its context here too"
    assert run.prefill_efficiency()["small"] > 0.8, "contexts of 1k tokens are eight blocks of the cache"


def test_the_shipped_configs_name_the_shipped_model() -> None:
    for name in ("quickstart", "quickstart-vllm", "quickstart-vllm-server"):
        config = ek.load_config(ek.Catalogue().config_path(name))
        assert config.tokenizer == MODEL and config.candidates[0].model == MODEL
