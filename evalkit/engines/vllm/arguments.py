"""What vLLM is started with: our own arguments, those that adapters and constraints ask for, and the user's.

The user's win. Arguments that a run file sets elsewhere are refused here, so that nothing is said twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.adapters.lora import rank
from evalkit.errors import ConfigError, nearest
from evalkit.records import Lora

SET_HERE = ("model", "max_model_len", "trust_remote_code", "dtype", "enable_prefix_caching")
"""Arguments of vLLM's that are set elsewhere in the run file."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks for which vLLM makes room; a LoRA of any lower rank fits into one of them."""
TOGETHER = 8  # most adapters at work in one step where the user says nothing: each takes room on the device
CONSTRAINTS = {"backend": "xgrammar", "disable_any_whitespace": True}
"""One grammar compiler and none behind it: what it cannot hold a reply to, vLLM refuses. JSON without free space."""


def quiet() -> None:
    """vLLM tells a hundred lines at each start; who wants them sets VLLM_LOGGING_LEVEL."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")


def check_names(given: Mapping[str, Any]) -> None:
    """ConfigError for an argument that vLLM does not have, or that is not the user's to give here."""
    if not given:
        return
    quiet()
    from vllm import EngineArgs

    known = set(EngineArgs.__dataclass_fields__) - set(SET_HERE)
    for name in given:
        if name in SET_HERE:
            where = "the candidate" if name == "model" else "an option of its own"
            raise ConfigError(f"engine 'vllm': {name!r} is not set in `engine:`, but by {where}")
        if name not in known:
            raise ConfigError(f"engine 'vllm': vLLM has no engine argument {name!r}{nearest(name, known)}")
    constraints = given.get("structured_outputs_config", {})
    if not isinstance(constraints, dict):
        raise ConfigError("engine 'vllm': `structured_outputs_config` in `engine:` is a mapping of settings")


def check_adapters(adapters: Sequence[Lora], given: Mapping[str, Any]) -> None:
    """ConfigError for a LoRA that vLLM does not serve (a kind of its own, a rank beyond all), or too few places."""
    quiet()
    from vllm.config.lora import LoRAConfig
    from vllm.lora.peft_helper import PEFTHelper

    for lora in adapters:
        highest = rank(lora)
        if highest > RANKS[-1]:
            raise ConfigError(f"the LoRA {lora.path!r} has rank {highest}, and vLLM serves {RANKS[-1]} at most")
        try:
            PEFTHelper.from_local_dir(lora.path, None).validate_legal(LoRAConfig(max_lora_rank=_room(highest)))
        except Exception as error:  # vLLM's own reasons, and whatever a strange config makes it raise
            reason = " ".join(str(error).split())
            raise ConfigError(f"vLLM does not serve the LoRA {lora.path!r}: {reason}") from None
    _places(len(adapters), given)


def arguments(own: Mapping[str, Any], given: Mapping[str, Any], adapters: Sequence[Lora]) -> dict[str, Any]:
    """All arguments of the engine."""
    from vllm.config import StructuredOutputsConfig

    found = {**own, "disable_log_stats": True, "seed": 0}
    if adapters:
        places = _places(len(adapters), given)
        found |= {"enable_lora": True, "max_loras": places, "max_lora_rank": _room(max(map(rank, adapters)))}
    constraints = {**CONSTRAINTS, **given.get("structured_outputs_config", {})}
    return found | dict(given) | {"structured_outputs_config": StructuredOutputsConfig(**constraints)}


def _places(adapters: int, given: Mapping[str, Any]) -> int:
    """How many adapters vLLM keeps ready.

    Its CPU build (0.32) takes the last place for a request without an adapter that shares a step with others: there
    the last place has to stay empty, or the base model's replies would be those of some adapter.
    """
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return min(adapters, TOGETHER)
    if given.get("max_loras", adapters + 1) <= adapters:
        raise ConfigError(f"engine 'vllm': on a CPU {adapters} adapters need `max_loras` of {adapters + 1} at least")
    return adapters + 1


def _room(highest: int) -> int:
    return next(allowed for allowed in RANKS if allowed >= highest)


__all__ = ["arguments", "check_adapters", "check_names", "quiet"]
