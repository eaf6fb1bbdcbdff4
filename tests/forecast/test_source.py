"""How a candidate's engine batches, from its options and the engine's own defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.config import CandidateSpec
from evalkit.engines import engine_class
from evalkit.forecast.hardware import TABLE, Hardware, cpu
from evalkit.forecast.roofline import Serving
from evalkit.forecast.shape import Shape, shape_of
from evalkit.forecast.source import HF_BATCH, HF_CHUNK, limit_for, serving_for
from evalkit.validation import validate

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


def serving(engine: str, hardware: Hardware = TABLE["h200"], /, **options: Any) -> Serving:
    """Of options that the engine itself takes: another name is refused here, as it is in a run."""
    validate(engine_class(engine).Options, options, where=engine)
    return serving_for(spec(engine, **options), LLAMA, hardware)


def test_vllm_has_its_defaults_and_the_users_bounds() -> None:
    assert serving("vllm") == serving("vllm-server") == Serving(block=16)
    stated = {"max_num_seqs": 16, "max_num_batched_tokens": 2048, "gpu_memory_utilization": 0.8}
    for engine, place in (("vllm", "engine"), ("vllm-server", "serve")):
        found = serving(engine, **{place: {**stated, "num_gpu_blocks_override": 100}})
        assert (found.sequences, found.step_tokens, found.memory_share, found.cache_tokens) == (16, 2048, 0.8, 1600)
        assert serving(engine, cpu(2), **{place: {"num_gpu_blocks_override": 100}}).cache_tokens == 12_800
        blocks = {place: {"num_gpu_blocks_override": 100, "block_size": 32}}
        assert serving(engine, **blocks).cache_tokens == 3200


def test_a_prefix_cache_that_is_switched_off_is_off_in_the_forecast() -> None:
    assert not serving("vllm", prefix_caching=False).reuses
    assert not serving("vllm-server", serve={"enable_prefix_caching": False}).reuses
    for on in (serving("vllm", prefix_caching=True), serving("vllm-server", serve={"enable_prefix_caching": True})):
        assert on.reuses


def test_what_evalkit_itself_leaves_to_vllm_bounds_the_forecast() -> None:
    assert serving("vllm", cache_tokens=5000).cache_tokens == 5000
    assert serving("vllm", cache_tokens=5000, engine={"num_gpu_blocks_override": 100}).cache_tokens == 1600
    larger = serving_for(spec("vllm", cache_tokens=500), LLAMA, TABLE["h200"], longest=700)
    assert larger.cache_tokens == 700, "a request that is larger goes alone"
    assert serving("vllm", in_flight=4).sequences == 4
    assert serving("vllm-server", concurrency=4, serve={"max_num_seqs": 16}).sequences == 4
    assert serving("vllm", in_flight=64, engine={"max_num_seqs": 16}).sequences == 16


def test_the_limit_is_the_users_else_the_models() -> None:
    assert limit_for(spec("vllm"), LLAMA) == 8192
    assert limit_for(spec("vllm", max_model_len=4096), LLAMA) == 4096
