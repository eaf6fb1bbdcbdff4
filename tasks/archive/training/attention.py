"""Attention in which questions stand apart: each sees the corpus and itself only.

A mask over the whole row would have the corpus pay for the questions: most of the time on long rows. So the corpus is
read causally without a mask, and only the questions' own rows of the mask exist.
"""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from .batches import Batch

NAME = "apart"
"""As transformers knows it."""


def visible(batch: Batch) -> torch.Tensor:
    """What the questions see: (rows, 1, question tokens, tokens), 0 or -inf; no rows where nothing stands apart."""
    rows, tokens = batch.ids.shape
    if batch.blocks is None:
        return torch.zeros(rows, 1, 0, tokens)
    blocks = torch.from_numpy(batch.blocks)
    own = blocks[:, batch.corpus:, None]
    seen = (blocks[:, None, :] == 0) | (own == blocks[:, None, :])
    seen &= torch.ones(tokens, tokens, dtype=torch.bool).tril()[batch.corpus:]
    return torch.zeros(seen.shape).masked_fill_(~seen, -torch.inf).unsqueeze(1)


def apart(
    _: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor, corpus: int, **_options: object,
) -> tuple[torch.Tensor, None]:
    """Attention over (rows, heads, tokens, size), as transformers calls it; returns (rows, tokens, heads, size)."""
    q, k, v = (part[:, :, :corpus] for part in (query, key, value))
    seen = [scaled_dot_product_attention(q, k, v, is_causal=True)]
    if attention_mask.shape[2]:
        seen.append(scaled_dot_product_attention(query[:, :, corpus:], key, value, attn_mask=attention_mask))
    return torch.cat(seen, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, apart)

__all__ = ["NAME", "visible"]
