"""Bytes of keys and values, computed by hand for known shapes, and what of a config cannot be sized."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import ConfigError
from evalkit.forecast.shape import Shape, load_shape, shape_of

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))


def known(name: str, **changes: Any) -> Shape:
    return shape_of({**CONFIGS[name], **changes}, name=name)


def test_grouped_heads_keep_two_vectors_for_each_key_head() -> None:
    llama = known("Llama-3-8B")
    assert llama.kv_bytes_per_token == 32 * 2 * 8 * 128 * 2 == 131_072
    assert llama.context_bytes(1000) == 131_072_000
    assert known("Qwen3-8B").kv_bytes_per_token == 36 * 2 * 8 * 128 * 2 == 147_456
    assert known("gpt-oss-120b").kv_bytes_per_token == 36 * 2 * 8 * 64 * 2


def test_latent_attention_keeps_one_compressed_vector_for_all_heads() -> None:
    deepseek = known("DeepSeek-V3")
    assert deepseek.kv_bytes_per_token == (512 + 64) * 2 * 61 == 70_272
    assert deepseek.kv_heads == 1


def test_every_second_layer_of_gemma_2_stops_growing_at_its_window() -> None:
    gemma = known("gemma-2-9b")
    layer = 2 * 8 * 256 * 2
    assert gemma.context_bytes(4096) == 42 * layer * 4096
    assert gemma.context_bytes(8192) == 21 * layer * 4096 + 21 * layer * 8192
    assert gemma.kv_bytes_per_late_token == 21 * layer


def test_five_of_six_layers_of_gemma_3_see_their_window_only() -> None:
    gemma = known("gemma-3-4b")
    layer = 2 * 4 * 256 * 2
    assert dict(gemma.windows) == {1024: 29, None: 5}
    assert gemma.context_bytes(100_000) == layer * (29 * 1024 + 5 * 100_000)
    assert "not the parts that see or hear" in gemma.notes[0]


def test_listed_layer_types_are_believed() -> None:
    assert dict(known("gpt-oss-120b").windows) == {128: 18, None: 18}
    mixed = known("Qwen3-8B", layer_types=["full_attention"] * 30 + ["sliding_attention"] * 6, sliding_window=512)
    assert dict(mixed.windows) == {None: 30, 512: 6}


def test_a_window_that_is_switched_off_cuts_nothing() -> None:
    assert dict(known("Qwen3-8B", sliding_window=4096).windows) == {None: 36}
    used = known("Qwen3-8B", sliding_window=4096, use_sliding_window=True, max_window_layers=28)
    assert dict(used.windows) == {None: 28, 4096: 8}
    assert dict(known("Llama-3-8B", model_type="mistral", sliding_window=4096).windows) == {4096: 32}


def test_a_cache_in_fp8_takes_half() -> None:
    shape = shape_of(CONFIGS["Llama-3-8B"], name="l", dtype="bfloat16", kv_dtype="fp8")
    assert shape.kv_bytes_per_token == 65_536


def test_layers_that_keep_something_else_are_refused() -> None:
    with pytest.raises(ConfigError, match="'linear_attention', whose memory the forecast cannot size"):
        known("Qwen3-8B", layer_types=["linear_attention"] * 36)


def test_a_config_that_lacks_a_size_is_named_with_the_field() -> None:
    with pytest.raises(ConfigError, match="'tiny' has no 'num_hidden_layers'"):
        shape_of({"hidden_size": 8, "num_attention_heads": 1, "vocab_size": 9}, name="tiny")
    with pytest.raises(ConfigError, match="no number type 'int3'"):
        shape_of(CONFIGS["Llama-3-8B"], name="l", dtype="int3")


def test_fields_that_a_file_leaves_out_are_those_of_its_architecture(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    text = {k: v for k, v in CONFIGS["gemma-3-4b"]["text_config"].items() if "heads" not in k and k != "head_dim"}
    config = {**CONFIGS["gemma-3-4b"], "text_config": text}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    whole = known("gemma-3-4b")
    found = load_shape(tmp_path)
    assert (found.windows, found.kv_width, found.weights.total) == (whole.windows, whole.kv_width, whole.weights.total)


def test_an_architecture_that_transformers_does_not_know_is_read_from_its_file(tmp_path: Path) -> None:
    config = {**CONFIGS["Llama-3-8B"], "model_type": "novel"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shape = load_shape(tmp_path)
    assert shape.kv_bytes_per_token == 131_072
    assert shape.notes == ("architecture 'novel' is counted as a Llama-like decoder",)


def test_the_stated_type_decides_and_float32_is_served_in_half(tmp_path: Path) -> None:
    config = {**CONFIGS["Llama-3-8B"], "torch_dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert load_shape(tmp_path).kv_bytes == 2
    assert load_shape(tmp_path, default="float32").kv_bytes == 4
    assert load_shape(tmp_path, dtype="float32", kv_dtype="fp8").kv_bytes == 1


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json is missing"):
        load_shape(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        load_shape(tmp_path)
