"""How probable the generated tokens were: by the model's own logits, before temperature and the limits of sampling.

Under a constraint the distribution is that over the tokens that it allows, which is what the choice was made from:
vLLM reports the same (its `logprobs_mode` is `raw_logprobs`, taken after the grammar has had its say). Tokens that
cannot come at all are not listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from evalkit.records import TokenLogprob


def probabilities(
    logits: Tensor, tokens: Sequence[int], wanted: Sequence[int | None], spell: Callable[[int], str]
) -> list[TokenLogprob | None]:
    """For each row the token that was chosen and the `wanted` likeliest; None where none are wanted.

    `logits`: of what may come, minus infinity for what a constraint takes out.
    """
    found: list[TokenLogprob | None] = [None] * len(tokens)
    rows = [row for row, most in enumerate(wanted) if most is not None]
    if not rows:
        return found
    logs = torch.log_softmax(logits[rows].float(), dim=-1)
    best = logs.topk(min(max(wanted[row] or 0 for row in rows), logs.shape[-1]), dim=-1)
    values, ids = best.values.tolist(), best.indices.tolist()
    for place, row in enumerate(rows):
        most, token = wanted[row], tokens[row]
        likeliest = zip(ids[place][:most], values[place][:most], strict=True)
        top = tuple((spell(i), value) for i, value in likeliest if value > -math.inf)
        found[row] = TokenLogprob(spell(token), float(logs[place, token]), top)
    return found


__all__ = ["probabilities"]
