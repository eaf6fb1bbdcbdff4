"""What vLLM is told of adapters and constraints, the same in this process as behind a server of the run's own.

How many adapters it keeps ready at a time takes room on the device. vLLM's CPU build (0.32) takes the last place for a
request without an adapter that shares a step with others: there all adapters have a place and the last stays empty, or
the base model's replies would be those of some adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalkit.adapters.lora import rank
from evalkit.errors import ConfigError
from evalkit.records import Lora

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks for which vLLM makes room; a LoRA of any lower rank fits into one of them."""
TOGETHER = 8
"""Most adapters at work in one step, where the user says nothing."""
CONSTRAINTS = {"backend": "xgrammar", "disable_any_whitespace": True}
"""One grammar compiler and none behind it: what it cannot hold a reply to, vLLM refuses. JSON without free space."""


def rank_room(lora: Lora) -> int:
    """The least room that vLLM makes in which a LoRA fits. Raises ConfigError for a rank beyond all."""
    highest = rank(lora)
    if highest > RANKS[-1]:
        raise ConfigError(f"the LoRA {lora.path!r} has rank {highest}, and vLLM serves {RANKS[-1]} at most")
    return next(allowed for allowed in RANKS if allowed >= highest)


def places(adapters: int, *, on_cpu: bool) -> int:
    """How many adapters vLLM keeps ready."""
    return adapters + 1 if on_cpu else min(adapters, TOGETHER)


def lora_options(adapters: Sequence[Lora], *, on_cpu: bool) -> dict[str, Any]:
    """vLLM's options for so many adapters of such ranks; none without adapters."""
    if not adapters:
        return {}
    return {
        "enable_lora": True,
        "max_loras": places(len(adapters), on_cpu=on_cpu),
        "max_lora_rank": max(map(rank_room, adapters)),
    }


__all__ = ["CONSTRAINTS", "lora_options", "places", "rank_room"]
