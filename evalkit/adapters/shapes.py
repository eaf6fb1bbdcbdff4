"""Whether a LoRA fits a model, told from the heads of both before either is loaded.

The model is built from its config without any weights, and every pair of LoRA matrices is held against the layer that
it names.
"""

from __future__ import annotations

from typing import Any

from evalkit.adapters.lora import shapes
from evalkit.errors import ConfigError
from evalkit.records import Lora

_ROOT = "base_model.model."  # what PEFT puts before the names of the model's own layers
_TAKES, _GIVES = (".lora_A.weight", ".lora_embedding_A"), (".lora_B.weight", ".lora_embedding_B")
"""How the matrix ends that takes what the layer takes, and the one that gives what it gives."""


def check_fit(lora: Lora, skeleton: Any) -> None:
    """ConfigError if a matrix of the LoRA has another shape than the layer of `skeleton` that it is for, or no layer.

    Matrices for the experts of a mixture are left to whoever loads them: how those are laid out is not one thing.
    """
    layers = dict(skeleton.named_modules())
    for name, shape in shapes(lora).items():
        side = next((end for end in (*_TAKES, *_GIVES) if name.endswith(end)), None)
        if side is None or ".experts." in name:
            continue
        place = name.removeprefix(_ROOT).removesuffix(side)
        layer = layers.get(place)
        weight = getattr(layer, "weight", None)
        if weight is None or len(weight.shape) != 2:
            raise ConfigError(f"the LoRA {lora.path!r} is for another model: this one has no layer {place!r}")
        takes, gives = _sizes(layer)
        wanted, got = (takes, shape[-1]) if side in _TAKES else (gives, shape[0])
        if wanted != got:
            raise ConfigError(
                f"the LoRA {lora.path!r} is for another model: at {place!r} its size is {got:,}, the model's {wanted:,}"
            )


def skeleton(config: Any, *, trust_remote_code: bool) -> Any:
    """The model of a config without weights; None where it cannot be built so."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except Exception:  # an architecture that only the engine knows, or code that wants real tensors
        return None


def _sizes(layer: Any) -> tuple[int, int]:
    """Length of what a layer takes and of what it gives."""
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    first, second = layer.weight.shape  # an embedding; or a layer of GPT-2's, whose weights stand the other way round
    return int(first), int(second)


__all__ = ["check_fit", "skeleton"]
