"""How a candidate's engine batches, from its options and the engine's own defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.config import CandidateSpec
from evalkit.forecast.hardware import TABLE, cpu
from evalkit.forecast.roofline import Serving
from evalkit.forecast.shape import Shape, shape_of
from evalkit.forecast.source import HF_BATCH, HF_CHUNK, limit_for, serving_for

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))
LLAMA: Shape = shape_of(CONFIGS["Llama-3-8B"], name="llama")


def spec(engine: str, /, **options: Any) -> CandidateSpec:
    return CandidateSpec(name="c", engine=engine, model="m", options=options)


def test_hf_reads_a_shared_context_once_a_step_and_batch_by_batch() -> None:
    pytest.importorskip("torch")
    from evalkit.engines.hf import BATCH
    from evalkit.engines.hf.reader import CHUNK

    assert (HF_BATCH, HF_CHUNK) == (BATCH, CHUNK)
    found = serving_for(spec("hf"), LLAMA, cpu(2))
    assert (found.sequences, found.shares_reads, found.continuous) == (BATCH, True, False)
    assert serving_for(spec("hf", batch_size=8), LLAMA, cpu(2)).sequences == 8
    for options in ({"prefix_reuse": False}, {"attention": "eager"}):
        one = serving_for(spec("hf", **options), LLAMA, cpu(2))
        assert (one.sequences, one.shares_reads, one.reuses) == (1, False, "attention" in options)


def test_vllm_has_its_defaults_and_the_users_bounds() -> None:
    assert serving_for(spec("vllm"), LLAMA, TABLE["h200"]) == Serving(block=16)
    stated = {"max_num_seqs": 16, "max_num_batched_tokens": 2048, "gpu_memory_utilization": 0.8}
    found = serving_for(spec("vllm", **stated, num_gpu_blocks_override=100), LLAMA, TABLE["h200"])
    assert (found.sequences, found.step_tokens, found.memory_share, found.cache_tokens) == (16, 2048, 0.8, 1600)
    assert serving_for(spec("vllm", num_gpu_blocks_override=100), LLAMA, cpu(2)).cache_tokens == 12_800
    assert not serving_for(spec("vllm", enable_prefix_caching=False), LLAMA, TABLE["h200"]).reuses
    inside = spec("vllm", engine={"num_gpu_blocks_override": 100, "block_size": 32})
    assert serving_for(inside, LLAMA, TABLE["h200"]).cache_tokens == 3200


def test_the_limit_is_the_users_else_the_models() -> None:
    assert limit_for(spec("vllm"), LLAMA) == 8192
    assert limit_for(spec("vllm", max_model_len=4096), LLAMA) == 4096
