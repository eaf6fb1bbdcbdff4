"""Prices of single passes against sums made by hand, and what fits where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.errors import ConfigError
from evalkit.forecast.hardware import TABLE
from evalkit.forecast.roofline import Assumptions, Replica, Serving, check_tp, smallest_tp
from evalkit.forecast.shape import Shape, shape_of

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))
PLAIN = Assumptions(prefill_efficiency=1.0, decode_efficiency=1.0, workspace=0)
SERVING = Serving(memory_share=1.0, step_seconds=0.0)


def shape(name: str = "Llama-3-8B", **changes: Any) -> Shape:
    return shape_of({**CONFIGS[name], **changes}, name=name)


def replica(name: str = "Llama-3-8B", gpu: str = "h100", tp: int = 1, serving: Serving = SERVING) -> Replica:
    return Replica(shape(name), TABLE[gpu], tp, serving, PLAIN)


def test_reading_costs_two_operations_a_parameter_and_token() -> None:
    r = replica()
    table = 128_256 * 4096
    layers = 8_030_261_248 - 2 * table
    assert r.linear_seconds(1000, 1) == pytest.approx(2 * (layers * 1000 + table) / 989.4e12)


def test_attention_grows_with_the_square_of_the_prompt() -> None:
    r = replica()
    pairs = 10_000 * 10_001 / 2
    whole = r.attention_seconds(10_000, 0)
    assert whole == pytest.approx(32 * 2 * 2 * 4096 * pairs / 989.4e12)
    halves = r.attention_seconds(5_000, 0) + r.attention_seconds(5_000, 5_000)
    assert halves == pytest.approx(whole)


def test_a_sliding_window_bounds_the_attention_of_its_layers() -> None:
    r = replica("gemma-2-9b")
    full = 20_000 * 20_001 / 2
    slid = 4096 * 4097 / 2 + (20_000 - 4096) * 4096
    assert r.attention_seconds(20_000, 0) == pytest.approx(2 * 2 * 16 * 256 * 21 * (full + slid) / 989.4e12)


def test_a_decode_step_reads_the_weights_and_every_context() -> None:
    r = replica()
    contexts = np.array([10_000, 20_000])
    weights = 2 * (8_030_261_248 - 128_256 * 4096)
    assert r.decode_seconds(contexts) == pytest.approx((weights + 131_072 * 30_000) / 3.35e12, rel=1e-3)


def test_an_engine_that_shares_reads_reads_the_shared_context_once() -> None:
    contexts = np.full(8, 10_100)
    alone = replica().step_attention_seconds(contexts, 10_000)
    sharing = Serving(memory_share=1.0, step_seconds=0.0, shares_reads=True)
    together = replica(serving=sharing).step_attention_seconds(contexts, 10_000)
    assert alone == pytest.approx(131_072 * 8 * 10_100 / 3.35e12)
    assert together == pytest.approx(131_072 * (10_000 + 8 * 100) / 3.35e12)


def test_how_many_contexts_fit_beside_the_weights() -> None:
    r = Replica(shape(), TABLE["h200"], 1, Serving(), Assumptions())
    usable = 140.4 * 2**30 * 0.9 - 1.5 * 2**30
    assert r.contexts(128_000) == int((usable - 2 * 8_030_261_248) // (131_072 * 128_000)) == 7
    stated = Replica(shape(), TABLE["h200"], 1, Serving(cache_tokens=300_000), Assumptions())
    assert stated.contexts(128_000) == 2 and stated.cache_tokens == 300_000


def test_latent_vectors_are_stored_on_every_accelerator() -> None:
    one, eight = replica("DeepSeek-V3", "h200", 8), replica("Qwen3-30B-A3B", "h200", 8)
    assert one.copies == 8 and eight.copies == 2  # four key heads on eight accelerators
    assert one.kv_budget == pytest.approx((one.memory - one.shape.weights.bytes) / 8)


def test_the_fewest_accelerators_that_hold_the_model_are_taken() -> None:
    big = shape(hidden_size=8192, intermediate_size=28_672, num_hidden_layers=80, num_attention_heads=64)
    assert big.weights.total == pytest.approx(70.6e9, rel=0.01)
    assert smallest_tp(shape(), TABLE["h200"], 8, Serving(), 8192) == 1
    assert smallest_tp(big, TABLE["h200"], 8, Serving(), 8192) == 2
    assert smallest_tp(big, TABLE["a100-40"], 8, Serving(), 32_768) == 8
    assert smallest_tp(big, TABLE["a10g"], 4, Serving(), 8192) == 4  # not even these do: the misfit is said later


def test_a_tp_that_no_engine_takes_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="--tp 3 does not divide the 8 GPUs of --gpus: valid here: 1, 2, 4, 8"):
        check_tp(3, 8, shape())
    with pytest.raises(ConfigError, match="does not divide the 32 attention heads of 'Llama-3-8B': valid here: 1, 2"):
        check_tp(3, 6, shape())
