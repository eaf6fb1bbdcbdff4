"""The next token of each sequence of a batch: greedy, or drawn with the request's own generator.

A request draws all its uniform numbers from a generator seeded by `Request.seed`, and a token is where the uniform
number falls in the cumulated distribution. So what a request draws depends on its logits and its seed, never on which
other requests shared its batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from evalkit.records import Request, Sampling


class Draws:
    """The uniform numbers of one request, one for each token it may generate."""

    def __init__(self, request: Request) -> None:
        self.sampling = request.sampling
        self._numbers: list[float] = []
        if request.sampling.temperature > 0:
            generator = torch.Generator().manual_seed(request.seed)
            self._numbers = torch.rand(request.sampling.max_tokens, generator=generator, dtype=torch.float64).tolist()

    def number(self, index: int) -> float:
        """The number for token `index`, in [0, 1)."""
        return self._numbers[index]


def next_tokens(logits: Tensor, draws: Sequence[Draws], index: int) -> list[int]:
    """Token `index` of the reply of each sequence, given logits (batch, vocabulary)."""
    tokens: list[int] = logits.argmax(dim=-1).tolist()
    for row, own in enumerate(draws):
        if own.sampling.temperature > 0:
            tokens[row] = _drawn(logits[row], own.sampling, own.number(index))
    return tokens


def _drawn(logits: Tensor, sampling: Sampling, number: float) -> int:
    """Temperature, then the `top_k` likeliest, then the fewest of those that hold `top_p` of their mass."""
    weights = torch.softmax(logits.double() / sampling.temperature, dim=-1)
    tokens = None
    if sampling.top_k or sampling.top_p < 1:
        weights, tokens = weights.sort(descending=True, stable=True)
        if sampling.top_k:
            weights = weights[: sampling.top_k]
        before = weights.cumsum(0) - weights
        weights = weights[before < sampling.top_p * weights.sum()]
    mass = weights.cumsum(0)
    last = int(torch.searchsorted(mass, float(mass[-1])))  # the last that has any mass
    at = min(int(torch.searchsorted(mass, number * float(mass[-1]), right=True)), last)
    return at if tokens is None else int(tokens[at])


__all__ = ["Draws", "next_tokens"]
