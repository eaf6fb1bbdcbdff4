"""How long a step of a model takes on given hardware, and how much of its memory is left for contexts.

A pass is bound by arithmetic (reading a prompt: every parameter works on every token, and attention grows with the
square of the length) or by memory (writing a reply: weights, and the keys and values of every sequence, are read at
each step). `Replica` prices both from the shape of the model and the figures of the hardware, each taken at a stated
share of its peak. One replica is `tp` accelerators that hold the model together; tensor parallelism is taken to scale
perfectly, which flatters large `tp` on slow links.

vLLM (0.32 and later) has no cascade attention: each sequence reads the whole shared context again at every step. The hf
engine reads a shared context once a step for its batch. `Serving.shares_reads` says which.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from evalkit.errors import ConfigError
from evalkit.forecast.hardware import GIB, Hardware
from evalkit.forecast.shape import Shape


class Assumptions(msgspec.Struct, frozen=True):
    """What cannot be known beforehand. Every forecast prints them."""

    prefill_efficiency: float = 0.5
    """Share of the peak arithmetic that reading a prompt reaches; 0.4 to 0.6 is usual for bf16 on data-centre GPUs."""
    decode_efficiency: float = 0.7
    """Share of the peak bandwidth that writing a reply reaches; 0.6 to 0.8 is usual."""
    reply_share: float = 0.5
    """Length of a reply, as a share of the most tokens that it may have."""
    workspace: int = int(1.5 * GIB)
    """Bytes on each accelerator that are neither weights nor cache: activations, graphs, the runtime."""


class Serving(msgspec.Struct, frozen=True):
    """How an engine batches."""

    sequences: int = 256
    """Most sequences at a time (vLLM: `max_num_seqs`)."""
    step_tokens: int = 8192
    """Most tokens of one step (vLLM: `max_num_batched_tokens`)."""
    memory_share: float = 0.9
    """Share of an accelerator's memory that the engine takes (vLLM: `gpu_memory_utilization`)."""
    block: int = 1
    """Tokens of a cache block: only whole blocks are reused."""
    cache_tokens: int | None = None
    """Tokens that the cache may hold at most, where the engine's options say so."""
    step_seconds: float = 0.004
    """Least time of a step: scheduling and launching."""
    continuous: bool = True
    """Whether a sequence may join while others run; False: batches of one shared prefix, one after the other."""
    reuses: bool = True
    """Whether a prefix that was read is kept for the next request."""
    shares_reads: bool = False
    """Whether a step reads the shared context once for all sequences that share it."""


    @property
    def without_reuse(self) -> Serving:
        """The same engine told to read every prompt whole; one that batches by prefix then goes one by one."""
        alone = self if self.continuous else msgspec.structs.replace(self, sequences=1, shares_reads=False)
        return msgspec.structs.replace(alone, reuses=False)


class Replica(msgspec.Struct, frozen=True, dict=True):
    """One copy of a model on `tp` accelerators."""

    shape: Shape
    hardware: Hardware
    tp: int = 1
    serving: Serving = Serving()
    assumptions: Assumptions = Assumptions()

    @property
    def memory(self) -> float:
        """Bytes that the engine may use for weights and contexts, on all accelerators of the replica."""
        each = self.hardware.memory * self.serving.memory_share - self.assumptions.workspace
        return max(0.0, each) * self.tp

    @property
    def copies(self) -> float:
        """How often each key and value is stored: more than once where there are fewer key heads than accelerators."""
        return max(1.0, self.tp / self.shape.kv_heads)

    @property
    def kv_budget(self) -> float:
        """Bytes for keys and values, each counted once; negative where the weights do not fit."""
        left = (self.memory - self.shape.weights.bytes) / self.copies
        stated = self.serving.cache_tokens
        return left if stated is None else min(left, stated * self.shape.kv_bytes_per_token)

    def contexts(self, tokens: int) -> int:
        """How many contexts of so many tokens fit at a time."""
        return max(0, int(self.kv_budget // self.shape.context_bytes(tokens))) if tokens else 0

    @property
    def cache_tokens(self) -> int:
        """Tokens that fit, in contexts that no window cuts."""
        return max(0, int(self.kv_budget // self.shape.kv_bytes_per_token))

    @property
    def flops(self) -> float:
        """Arithmetic that is reached, operations a second."""
        return self.hardware.flops * self.tp * self.assumptions.prefill_efficiency

    @property
    def bandwidth(self) -> float:
        """Memory traffic that is reached, bytes a second."""
        return self.hardware.bandwidth * self.tp * self.assumptions.decode_efficiency

    def linear_seconds(self, tokens: int, sequences: int) -> float:
        """All matrix products of a pass over so many tokens, of which `sequences` need logits."""
        weights = self.shape.weights
        operations = 2.0 * (weights.active * tokens + weights.width * sequences)
        return operations / self.flops

    def weight_seconds(self, tokens: int) -> float:
        """Reading the weights that a pass over so many tokens needs."""
        return self.shape.weights.bytes_read(tokens) / self.bandwidth

    def attention_seconds(self, new: int, before: int) -> float:
        """Attention of `new` tokens to each other and to the `before` tokens that are cached."""
        pairs = 0.0
        for window, count in self.shape.windows:
            pairs += count * (_pairs(new + before, window) - _pairs(before, window))
        return 2.0 * sum(self.shape.read_width) * pairs / self.flops

    def step_attention_seconds(self, contexts: npt.NDArray[np.int64], shared: int = 0) -> float:
        """Attention of one new token of each sequence to its context; `shared` tokens of it are the same for all."""
        slots = once = 0.0
        for window, count in self.shape.windows:
            seen = contexts if window is None else np.minimum(contexts, window)
            slots += count * float(seen.sum())
            once += count * (shared if window is None else min(shared, window)) * (len(contexts) - 1)
        read = slots - (once if self.serving.shares_reads else 0.0)
        moved = read * self.shape.kv_width * self.shape.kv_bytes * self.copies / self.bandwidth
        return max(moved, 2.0 * sum(self.shape.step_width) * slots / self.flops)

    def decode_seconds(self, contexts: npt.NDArray[np.int64], shared: int = 0) -> float:
        """One whole step that adds a token to each sequence."""
        count = len(contexts)
        linear = max(self.linear_seconds(count, count), self.weight_seconds(count))
        return linear + self.step_attention_seconds(contexts, shared) + self.serving.step_seconds


def smallest_tp(shape: Shape, hardware: Hardware, gpus: int, serving: Serving, longest: int) -> int:
    """The fewest accelerators that hold the model and one context of the longest length; all of them if none do.

    Only powers of two that divide both the GPUs and the model's heads are tried: engines ask for that.
    """
    tried = [tp for tp in (1 << i for i in range(gpus.bit_length())) if not gpus % tp and not shape.heads % tp]
    for tp in tried:
        if Replica(shape, hardware, tp, serving).kv_budget >= shape.context_bytes(max(1, longest)):
            return tp
    return tried[-1]


def check_tp(tp: int, gpus: int, shape: Shape) -> None:
    """Raise ConfigError for a `tp` that no engine takes."""
    if gpus % tp:
        raise ConfigError(f"--tp {tp} does not divide the {gpus} GPUs of --gpus: {_some(_divisors(gpus, shape.heads))}")
    if shape.heads % tp:
        raise ConfigError(
            f"--tp {tp} does not divide the {shape.heads} attention heads of {shape.name!r}:"
            f" {_some(_divisors(gpus, shape.heads))}"
        )


def _divisors(gpus: int, heads: int) -> list[int]:
    return [tp for tp in range(1, gpus + 1) if not gpus % tp and not heads % tp]


def _some(valid: Sequence[int]) -> str:
    return f"valid here: {', '.join(map(str, valid))}"


def _pairs(tokens: int, window: int | None) -> float:
    """Pairs of query and key in one layer that reads so many tokens from the start."""
    if window is None or tokens <= window:
        return tokens * (tokens + 1) / 2
    return window * (window + 1) / 2 + (tokens - window) * window


__all__ = ["Assumptions", "Replica", "Serving", "check_tp", "smallest_tp"]
