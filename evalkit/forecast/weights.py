"""How many parameters a model has, how many of them work on each token, and how many bytes they take.

Counted from the configuration alone, tensor by tensor as the published architectures define them: attention (grouped
or latent), feed-forward layers, experts, norms, embeddings. An architecture that is not in `KNOWN` is counted as a
Llama-like decoder, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from evalkit.errors import ConfigError


class Family(msgspec.Struct, frozen=True):
    """What a configuration does not say about its architecture."""

    norms: int = 2
    """Norms of hidden width in each layer."""
    query_key_norms: bool = False
    qkv_bias: bool = False
    """Whether query, key and value projections have one whatever the config says."""
    output_bias: bool = True
    """Whether `attention_bias` holds for the output projection too."""
    sinks: bool = False
    expert_bias: bool = False


KNOWN = {
    "llama": Family(), "mistral": Family(), "mixtral": Family(), "phi3": Family(),
    "qwen2": Family(qkv_bias=True, output_bias=False), "qwen2_moe": Family(qkv_bias=True, output_bias=False),
    "qwen3": Family(query_key_norms=True), "qwen3_moe": Family(query_key_norms=True),
    "gemma": Family(), "gemma2": Family(norms=4),
    "gemma3": Family(norms=4, query_key_norms=True), "gemma3_text": Family(norms=4, query_key_norms=True),
    "deepseek_v2": Family(), "deepseek_v3": Family(),
    "gpt_oss": Family(sinks=True, expert_bias=True),
}  # fmt: skip
"""By `model_type`."""
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
"""Names under which a config says how many experts a layer has."""


class Weights(msgspec.Struct, frozen=True):
    """Parameters by what they do."""

    embedding: int
    """The input table: looked up, never multiplied."""
    head: int
    """The output layer where it has a matrix of its own, else 0."""
    always: int
    """Parameters that every token goes through, embedding and head left out."""
    experts: int = 0
    """Parameters of all routed experts together."""
    expert_count: int = 0
    """Experts in a layer."""
    expert_active: int = 0
    """Of them, those that one token goes through."""
    width: int = 0
    """Parameters of the matrix that gives the logits, tied or not."""
    bytes_plain: float = 2.0
    """Bytes of a parameter that is not quantised."""
    bytes_always: float = 2.0
    bytes_experts: float = 2.0
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All parameters."""
        return self.embedding + self.head + self.always + self.experts

    @property
    def active(self) -> float:
        """Parameters that one token is multiplied with, the output layer left out."""
        share = self.expert_active / self.expert_count if self.expert_count else 0.0
        return self.always + self.experts * share

    @property
    def bytes(self) -> float:
        """All weights in memory."""
        plain = (self.embedding + self.head) * self.bytes_plain
        return plain + self.always * self.bytes_always + self.experts * self.bytes_experts

    def bytes_read(self, tokens: int) -> float:
        """Bytes that one pass over so many tokens reads: of the experts, those that some token is sent to.

        Tokens are taken to choose their experts evenly and independently.
        """
        touched = 1.0
        if self.expert_count:
            touched = 1.0 - (1.0 - self.expert_active / self.expert_count) ** tokens
        dense = self.width * self.bytes_plain + self.always * self.bytes_always
        return dense + self.experts * self.bytes_experts * touched


def weights_of(
    text: Mapping[str, Any], *, heads: int, kv_heads: int, head: int, value: int, dtype_bytes: float
) -> Weights:
    """The parameters of a configuration (of its language model). Raises ConfigError for an unknown quantisation."""
    kind = str(text.get("model_type", ""))
    family = KNOWN.get(kind, Family())
    notes = () if kind in KNOWN else (f"architecture {kind!r} is counted as a Llama-like decoder",)
    hidden, layers, table = int(text["hidden_size"]), int(text["num_hidden_layers"]), _table(text)
    attention = _attention(text, family, heads, kv_heads, head, value)
    routed, active = _experts(text)
    sparse = [routed > 0 and _is_sparse(text, i) for i in range(layers)]
    inner = int(text.get("moe_intermediate_size") or text.get("intermediate_size") or 0)
    bias = int(bool(text.get("mlp_bias")))
    dense_inner = int(text.get("intermediate_size") or 0)
    dense = 3 * hidden * dense_inner + bias * (2 * dense_inner + hidden)
    each = 3 * hidden * inner + (2 * inner + hidden if family.expert_bias else 0)
    shared = 3 * hidden * inner * int(text.get("n_shared_experts") or 0)
    if text.get("shared_expert_intermediate_size"):
        shared += 3 * hidden * int(text["shared_expert_intermediate_size"]) + hidden
    router = hidden * routed + (routed if family.expert_bias else 0)
    always = layers * (attention + family.norms * hidden) + hidden
    always += sum(shared + router if s else dense for s in sparse)
    tied = bool(text.get("tie_word_embeddings", kind.startswith("gemma")))
    bits_always, bits_experts = _bytes(text.get("quantization_config"), dtype_bytes)
    return Weights(
        embedding=table,
        head=0 if tied else table,
        always=always,
        experts=sum(sparse) * routed * each,
        expert_count=routed,
        expert_active=active,
        width=table,
        bytes_plain=dtype_bytes,
        bytes_always=bits_always,
        bytes_experts=bits_experts,
        notes=notes,
    )


def _table(text: Mapping[str, Any]) -> int:
    return int(text["vocab_size"]) * int(text["hidden_size"])


def _attention(text: Mapping[str, Any], family: Family, heads: int, kv_heads: int, head: int, value: int) -> int:
    """Parameters of one layer's attention."""
    hidden, bias = int(text["hidden_size"]), bool(text.get("attention_bias"))
    latent = int(text.get("kv_lora_rank") or 0)
    if latent:
        rope, squeezed = int(text["qk_rope_head_dim"]), int(text.get("q_lora_rank") or 0)
        query = hidden * squeezed + squeezed + squeezed * heads * head if squeezed else hidden * heads * head
        keys = hidden * (latent + rope) + latent + latent * heads * (head - rope + value)
        return query + keys + heads * value * hidden + (bias * (squeezed + latent + rope + hidden))
    query, keys = heads * head, kv_heads * head
    found = hidden * (query + 2 * keys) + query * hidden
    if family.qkv_bias or bias:
        found += query + 2 * keys
    if bias and family.output_bias:
        found += hidden
    return found + (2 * head if family.query_key_norms else 0) + (heads if family.sinks else 0)


def _experts(text: Mapping[str, Any]) -> tuple[int, int]:
    """Experts in a layer, and how many of them a token goes through."""
    routed = next((int(text[key]) for key in EXPERTS if text.get(key)), 0)
    return routed, int(text.get("num_experts_per_tok") or 0) if routed else 0


def _is_sparse(text: Mapping[str, Any], layer: int) -> bool:
    """Whether a layer of a model with experts has them."""
    if layer in (text.get("mlp_only_layers") or ()):
        return False
    if layer < int(text.get("first_k_dense_replace") or 0):
        return False
    kinds = text.get("mlp_layer_types")
    if kinds:
        return bool(kinds[layer] == "sparse")
    return (layer + 1) % int(text.get("decoder_sparse_step") or 1) == 0


def _bytes(quantisation: Mapping[str, Any] | None, plain: float) -> tuple[float, float]:
    """Bytes of a parameter in the layers, and in the experts."""
    if not quantisation:
        return plain, plain
    method = str(quantisation.get("quant_method", ""))
    if method == "mxfp4":
        return plain, (4 + 8 / 32) / 8  # OCP MX: four bits, and one shared 8-bit scale for every 32
    if method in ("fp8", "fbgemm_fp8"):
        return 1.0, 1.0
    if method in ("awq", "gptq"):
        bits, group = int(quantisation.get("bits", 4)), int(quantisation.get("group_size", 128))
        each = (bits + (16 + bits) / group if group > 0 else bits) / 8  # a 16-bit scale and a zero for every group
        return each, each
    if method == "bitsandbytes":
        each = 0.5 + 4 / 64 if quantisation.get("load_in_4bit") else 1.0  # a 32-bit scale for every 64 weights
        return each, each
    if method == "compressed-tensors":
        groups = (quantisation.get("config_groups") or {}).values()
        widths = {int(g["weights"]["num_bits"]) for g in groups if g.get("weights")}
        if len(widths) == 1:
            each = widths.pop() / 8
            return each, each
    raise ConfigError(f"quantisation {method!r} in config.json is unknown to the forecast; it knows mxfp4, fp8, awq, "
                      "gptq, bitsandbytes and compressed-tensors of one width")


__all__ = ["KNOWN", "Weights", "weights_of"]
