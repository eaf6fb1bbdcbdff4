"""Parameters counted from a configuration against the model that transformers builds from it, without memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import ConfigError
from evalkit.forecast.shape import shape_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))

SMALL: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 500, "max_position_embeddings": 512, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LATENT = {
    "kv_lora_rank": 32, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 24, "num_key_value_heads": 4,
    "head_dim": 8, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 48,
    "first_k_dense_replace": 1, "n_group": 2, "topk_group": 1,
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, tied": {"model_type": "llama", "tie_word_embeddings": True},
    "llama, biased": {"model_type": "llama", "attention_bias": True, "mlp_bias": True},
    "mistral": {},
    "phi3": {"head_dim": 16},
    "qwen2": {"head_dim": 16},
    "qwen3": {},
    "qwen3, tied": {"model_type": "qwen3", "tie_word_embeddings": True, "attention_bias": True},
    "gemma": {},
    "gemma2": {"sliding_window": 64},
    "gemma3_text": {"sliding_window": 64},
    "mixtral": {"num_local_experts": 8, "num_experts_per_tok": 2},
    "qwen2_moe": {
        "head_dim": 16, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48,
        "shared_expert_intermediate_size": 96,
    },
    "qwen3_moe": {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48, "mlp_only_layers": [1]},
    "deepseek_v2": {**LATENT, "q_lora_rank": None},
    "deepseek_v3": {**LATENT, "q_lora_rank": 40},
    "gpt_oss": {"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": 64},
}  # fmt: skip


def config(name: str) -> Any:
    fields = {**SMALL, **MODELS[name]}
    return transformers.AutoConfig.for_model(fields.pop("model_type", name), **fields)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_is_counted(name: str) -> None:
    built = config(name)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(built)
    weights = shape_of(built.to_dict(), name=name).weights
    assert weights.total == sum(p.numel() for p in model.parameters())
    assert not weights.notes
    experts = [p for n, p in model.named_parameters() if ".experts." in n]
    assert weights.experts == sum(p.numel() for p in experts)


PUBLISHED = {  # parameters in all, and at work on a token, as the models' cards state them, in billions
    "Llama-3-8B": (8.03, 8.03), "Qwen3-8B": (8.19, 8.19), "Qwen3-30B-A3B": (30.5, 3.3), "DeepSeek-V3": (671.0, 37.0),
    "gpt-oss-120b": (116.8, 5.1), "gemma-2-9b": (9.24, 9.24),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_known_models_have_the_parameters_that_their_cards_state(name: str) -> None:
    total, active = PUBLISHED[name]
    weights = shape_of(CONFIGS[name], name=name).weights
    assert weights.total / 1e9 == pytest.approx(total, rel=0.003)
    looked_up = weights.embedding if name.startswith(("Llama", "Qwen3")) else 0  # some cards count the input table too
    assert (weights.active + weights.width + looked_up) / 1e9 == pytest.approx(active, rel=0.02)


def test_experts_in_four_bits_leave_the_rest_as_it_was() -> None:
    weights = shape_of(CONFIGS["gpt-oss-120b"], name="gpt-oss").weights
    assert weights.bytes == pytest.approx(60.8 * 2**30, rel=0.01)  # the size of the published files
    assert weights.bytes_always == 2


@pytest.mark.parametrize(
    ("method", "each"),
    [
        ({"quant_method": "fp8"}, 1.0),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 0.5 + 20 / 128 / 8),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, 1.0),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, 1.0),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}}, 0.5),
    ],
)
def test_quantised_layers_are_smaller_and_tables_are_not(method: dict[str, Any], each: float) -> None:
    weights = shape_of({**CONFIGS["Llama-3-8B"], "quantization_config": method}, name="l").weights
    table = 128_256 * 4096
    assert weights.bytes == pytest.approx(2 * table * 2 + (weights.total - 2 * table) * each)


def test_an_unknown_quantisation_is_refused_not_guessed() -> None:
    with pytest.raises(ConfigError, match=r"'quip' in config\.json is unknown"):
        shape_of({**CONFIGS["Llama-3-8B"], "quantization_config": {"quant_method": "quip"}}, name="l")


def test_more_tokens_touch_more_experts() -> None:
    weights = shape_of(CONFIGS["Qwen3-30B-A3B"], name="q").weights
    one, many = weights.bytes_read(1), weights.bytes_read(4096)
    assert one == pytest.approx(2 * (weights.active + weights.width))
    assert many == pytest.approx(weights.bytes - 2 * weights.embedding, rel=1e-6)
