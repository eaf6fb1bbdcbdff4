"""Attention over a shared trunk and each sequence's own branch, every key read once.

Sequences that begin with the same text differ only after it. Their queries attend in two parts: to the *trunk*, whose
keys exist once for the whole batch (all queries of all sequences are one matrix against it), and to their own
*branch*. The parts are joined by their log-sum-exp, which is exact. Nothing is copied, nothing is padded on the left,
and positions are explicit, so sequences of different lengths may share a batch in models with sliding windows too.

`shared_attention` has the signature of transformers' attention functions and is registered under `NAME`; it takes the
keys of both parts from the `Memory` that the engine passes to the model as its cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from evalkit.engines.hf.memory import Memory

NAME = "evalkit_shared"
SCORES = 1 << 24  # most attention scores held at a time where no fused kernel serves: 64 MB in float32


def shared_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    memory: Memory,
    scaling: float | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of `query` (batch, heads, new tokens, size) to the trunk in `memory` and to branches `key`, `value`.

    `key` and `value` (batch, key heads, slots, size) hold the branches' tokens from their first on. Returns (batch, new
    tokens, heads, size). The mask argument is unused: what may be seen follows from the memory's slots.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = memory.windows[module.layer_idx]
    own, own_lse = _branch(query, key, value, memory, window, scale, softcap)
    trunk = memory.trunk(module.layer_idx)
    if trunk is None:
        return own.transpose(1, 2).to(query.dtype), None
    far, far_lse = _trunk(query, *trunk, memory, window, scale, softcap)
    total = torch.logaddexp(own_lse, far_lse)
    out = own * (own_lse - total).exp().unsqueeze(-1) + far * (far_lse - total).exp().unsqueeze(-1)
    return out.transpose(1, 2).to(query.dtype), None


def _branch(
    query: Tensor, key: Tensor, value: Tensor, memory: Memory, window: int | None, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor]:
    batch, heads, new, size = query.shape
    groups = heads // key.shape[1]
    if new > 1:  # first pass over a branch: as many slots as queries, causal
        key, value = (t.repeat_interleave(groups, dim=1) if groups > 1 else t for t in (key, value))
        inside = window is None or new <= window
        mask = None if inside and softcap is None else memory.causal(new, window)
        return _attend(query, key, value, scale, softcap, mask=mask, causal=mask is None)
    folded = query.view(batch, heads // groups, groups, size)
    out, lse = _attend(folded, key, value, scale, softcap, mask=memory.visible(key.shape[2], window))
    return out.reshape(batch, heads, 1, size), lse.reshape(batch, heads, 1)


def _trunk(
    query: Tensor, key: Tensor, value: Tensor, memory: Memory, window: int | None, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor]:
    """All queries of the batch as one matrix for each key head: the trunk is read once."""
    batch, heads, new, size = query.shape
    kv = key.shape[1]
    groups = heads // kv
    mask = None
    if window is not None and key.shape[2] + memory.slots_used > window:
        low = max(0, key.shape[2] - window + 1)
        key, value = key[:, :, low:], value[:, :, low:]
        mask = memory.in_window(key.shape[2], new, window)  # (batch, new, keys)
        mask = mask.unsqueeze(1).expand(-1, groups, -1, -1).reshape(1, 1, batch * groups * new, -1)
    folded = query.view(batch, kv, groups, new, size).transpose(0, 1).reshape(1, kv, batch * groups * new, size)
    out, lse = _attend(folded, key, value, scale, softcap, mask=mask)
    out = out.view(kv, batch, groups, new, size).transpose(0, 1).reshape(batch, heads, new, size)
    return out, lse.view(kv, batch, groups, new).transpose(0, 1).reshape(batch, heads, new)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None, *,
    mask: Tensor | None = None, causal: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Attention and its log-sum-exp; `causal` only without a mask. Who sees nothing gets 0 and -inf."""
    if mask is None and softcap is None:
        if query.device.type == "cpu":
            op = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
            out, lse = op(query, key, value, 0.0, causal, scale=scale)
            return out, lse
        if query.dtype in (torch.bfloat16, torch.float16) and query.shape[-1] <= 256 and query.shape[-1] % 8 == 0:
            op = torch.ops.aten._scaled_dot_product_flash_attention
            out, lse = op(query, key, value, 0.0, causal, scale=scale)[:2]
            return out, lse[..., : query.shape[2]]
        if causal:
            slots = torch.arange(query.shape[2], device=query.device)
            mask = (slots[None] <= slots[:, None])[None, None]
    step = max(1, SCORES // (query.shape[0] * query.shape[1] * key.shape[2]))
    parts = [
        _attend_plainly(
            query[:, :, at : at + step], key, value, scale, softcap,
            mask if mask is None or mask.shape[2] == 1 else mask[:, :, at : at + step],
        )
        for at in range(0, query.shape[2], step)
    ]  # fmt: skip
    if len(parts) == 1:
        return parts[0]
    return torch.cat([out for out, _ in parts], dim=2), torch.cat([lse for _, lse in parts], dim=2)


def _attend_plainly(
    query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    scores = torch.matmul(query, key.transpose(2, 3)).float() * scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    lse = torch.logsumexp(scores, dim=-1)
    weights = (scores - lse.clamp_min(torch.finfo(torch.float32).min).unsqueeze(-1)).exp()
    return torch.matmul(weights.to(value.dtype), value), lse


__all__ = ["NAME", "shared_attention"]
