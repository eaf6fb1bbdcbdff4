"""The shape of a model, read from its `config.json`: what of it decides how much memory and time an answer takes.

In: the configuration as a mapping, defaults filled in (`load_shape` asks transformers for them). Out: a `Shape`, which
knows the bytes of keys and values that a context of so many tokens keeps, layer by layer: grouped heads store few,
multi-head latent attention (DeepSeek) stores one compressed vector a token, a sliding window stops growing at its
width. Parameters and weights are `weights`' affair. Layers that keep something else (recurrent states) are refused in
one sentence: a wrong number would be worse than none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit.errors import ConfigError
from evalkit.forecast.weights import Weights, weights_of

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0}
"""Bytes of one number, by the name a config or an engine gives its type."""
ALTERNATING = {"gemma2": 2, "gpt_oss": 2, "gemma3_text": 6, "gemma3": 6}
"""Every how manyth layer sees everything, where a config does not list its layers (older files)."""
WINDOWED = ("mistral", "mixtral", "phi3", "starcoder2")
"""Architectures whose layers all slide if a window is given."""


class Shape(msgspec.Struct, frozen=True):
    """What of a model decides memory and time."""

    name: str
    architecture: str
    hidden: int
    vocabulary: int
    heads: int
    kv_heads: int
    """Key-value heads; 1 where all heads share one latent vector."""
    windows: tuple[tuple[int | None, int], ...]
    """Kinds of layer: the window (None: it sees everything) and how many layers have it."""
    kv_width: int
    """Numbers that one layer keeps for one token."""
    kv_bytes: float
    """Bytes of one of them."""
    read_width: tuple[int, int]
    """Multiplications of one query with one key, and of one weight with one value, over all heads, while reading."""
    step_width: tuple[int, int]
    """The same in a decode step (latent attention works on the compressed vectors there)."""
    weights: Weights
    limit: int | None = None
    """Positions that the model was made for."""
    notes: tuple[str, ...] = ()
    """What was not counted, in sentences."""

    @property
    def layers(self) -> int:
        """Layers of all kinds."""
        return sum(count for _, count in self.windows)

    @property
    def kv_bytes_per_token(self) -> float:
        """Bytes that one more token keeps in a context that no window cuts yet."""
        return self.layers * self.kv_width * self.kv_bytes

    @property
    def kv_bytes_per_late_token(self) -> float:
        """The same once the context is longer than every window: only the layers that see everything still grow."""
        return sum(count for window, count in self.windows if window is None) * self.kv_width * self.kv_bytes

    def context_bytes(self, tokens: int) -> float:
        """Bytes of keys and values of a context of so many tokens."""
        slots = sum(count * (tokens if window is None else min(tokens, window)) for window, count in self.windows)
        return slots * self.kv_width * self.kv_bytes


def load_shape(
    folder: Path, *, dtype: str | None = None, kv_dtype: str | None = None, default: str = "bfloat16"
) -> Shape:
    """The shape of the model in a directory; only its `config.json` is read.

    `dtype` is what it is served in (None: what its config says, `default` instead of float32); `kv_dtype` is that of
    the cache (None: the same). Raises ConfigError for a directory without a config, or one that cannot be read.
    """
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{str(folder)!r} is no model directory: config.json is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read as JSON: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{str(path)!r} holds no JSON object")
    filled = {**raw, **_defaults(folder, raw)}
    served = dtype or _stated_type(raw, default)
    return shape_of(filled, name=folder.name, dtype=served, kv_dtype=kv_dtype or served)


def shape_of(config: Mapping[str, Any], *, name: str, dtype: str = "bfloat16", kv_dtype: str | None = None) -> Shape:
    """The shape that a configuration states. Raises ConfigError for what is missing in it or cannot be sized."""
    text = {**config, **(config.get("text_config") or {})}
    for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
        if not isinstance(text.get(key), int):
            raise ConfigError(f"config.json of {name!r} has no {key!r}: the forecast cannot size this model")
    for kind in (dtype, kv_dtype or dtype):
        if kind not in BYTES:
            raise ConfigError(f"model {name!r}: the forecast knows no number type {kind!r}; valid: {', '.join(BYTES)}")
    heads = int(text["num_attention_heads"])
    notes = []
    if "vision_config" in config or "audio_config" in config:
        notes.append("only the language model is counted, not the parts that see or hear")
    if text.get("num_nextn_predict_layers"):
        notes.append("the layers that only draft tokens ahead (MTP) are not counted")
    latent = int(text.get("kv_lora_rank") or 0)
    if latent:
        rope = int(text["qk_rope_head_dim"])
        head, value = int(text["qk_nope_head_dim"]) + rope, int(text["v_head_dim"])
        kv_heads, kv_width = 1, latent + rope
        step_width = (heads * (latent + rope), heads * latent)
    else:
        kv_heads = int(text.get("num_key_value_heads") or heads)
        head = value = int(text.get("head_dim") or text["hidden_size"] // heads)
        kv_width = 2 * kv_heads * head
        step_width = (heads * head, heads * value)
    counted = weights_of(text, heads=heads, kv_heads=kv_heads, head=head, value=value, dtype_bytes=BYTES[dtype])
    return Shape(
        name=name,
        architecture=str(text.get("model_type", "")),
        hidden=int(text["hidden_size"]),
        vocabulary=int(text["vocab_size"]),
        heads=heads,
        kv_heads=kv_heads,
        windows=tuple(Counter(_windows(text, name)).items()),
        kv_width=kv_width,
        kv_bytes=BYTES[kv_dtype or dtype],
        read_width=(heads * head, heads * value),
        step_width=step_width,
        weights=counted,
        limit=text.get("max_position_embeddings") or None,
        notes=(*notes, *counted.notes),
    )


def _windows(text: Mapping[str, Any], name: str) -> list[int | None]:
    """Each layer's window, None where it sees everything."""
    count, window, kind = int(text["num_hidden_layers"]), text.get("sliding_window"), str(text.get("model_type", ""))
    listed: Sequence[str] | None = text.get("layer_types")
    if listed:
        found: list[int | None] = []
        for layer in listed[:count]:
            if layer == "full_attention":
                found.append(None)
            elif layer in ("sliding_attention", "chunked_attention"):
                width = window if layer == "sliding_attention" else text.get("attention_chunk_size")
                if not width:
                    raise ConfigError(f"config.json of {name!r} lists layers of type {layer!r} and gives no width")
                found.append(int(width))
            else:
                raise ConfigError(
                    f"model {name!r} has layers of type {layer!r}, whose memory the forecast cannot size"
                )
        return found
    if not window:
        return [None] * count
    if kind in ALTERNATING:
        every = int(text.get("sliding_window_pattern") or ALTERNATING[kind])
        return [None if (i + 1) % every == 0 else int(window) for i in range(count)]
    if text.get("use_sliding_window"):
        first = int(text.get("max_window_layers") or 0)
        return [None if i < first else int(window) for i in range(count)]
    return [int(window) if kind in WINDOWED else None] * count


def _stated_type(raw: Mapping[str, Any], default: str) -> str:
    """The type a config states; float32 checkpoints are served in `default`, as every engine here does."""
    text = raw.get("text_config") or {}
    found = next((str(c[k]) for c in (raw, text) for k in ("dtype", "torch_dtype") if c.get(k)), default)
    return default if found.removeprefix("torch.") == "float32" else found.removeprefix("torch.")


def _defaults(folder: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What transformers fills in where a file leaves a field out; nothing for an architecture it does not know."""
    try:
        from transformers import AutoConfig
    except ModuleNotFoundError:
        return {}
    try:
        config = AutoConfig.from_pretrained(str(folder))
    except Exception:  # transformers raises nearly anything; the file itself is read then
        return {}
    found: dict[str, Any] = config.get_text_config().to_dict()
    for key in ("vision_config", "audio_config", "quantization_config"):
        if key in raw:
            found[key] = raw[key]
    found.pop("text_config", None)
    return {**found, "text_config": None}


__all__ = ["BYTES", "Shape", "load_shape", "shape_of"]
