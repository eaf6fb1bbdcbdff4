"""Key-value memory of one trunk (text that a batch shares) and the branches that grow from it.

The trunk is kept once, for a batch of one, in buffers that grow in place; cutting it back is setting its length, so the
next group of requests keeps whatever it shares with the last. Branches are small: a question and its reply. `Memory` is
handed to the model as its cache: `update` stores the new keys and values and returns those of the branches; `attention`
asks it for the trunk and for who sees what. Sliding-window layers keep the whole trunk, so that it can be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers.cache_utils import Cache

ROUND = 64  # slots by which buffers grow at least


class Memory(Cache):  # type: ignore[misc]
    """The cache of one model. `windows`: sliding window of each layer in tokens, None where all is seen."""

    def __init__(self, windows: Sequence[int | None], device: torch.device) -> None:
        super().__init__(layers=[])
        self.windows = tuple(windows)
        self._device = device
        self._trunks: list[tuple[Tensor, Tensor] | None] = [None] * len(windows)
        self._branches: list[tuple[Tensor, Tensor] | None] = [None] * len(windows)
        self.length = 0
        """Tokens in the trunk."""
        self._room = 0
        self._growing_trunk = False
        self._masks: dict[tuple[str, int | None], Tensor] = {}
        self.branch_at([])

    def branch_at(self, lengths: Sequence[int]) -> None:
        """Forget all branches; the next pass writes the first `lengths[i]` tokens of branch `i`."""
        self._branches = [None] * len(self.windows)
        self._growing_trunk = False
        self._slots = torch.zeros(len(lengths), dtype=torch.long, device=self._device)
        self._lengths = torch.tensor(lengths, dtype=torch.long, device=self._device)
        self.slots_used = max(lengths, default=0)
        self._rows = torch.arange(len(lengths), device=self._device)
        self._masks.clear()

    def grow_trunk(self, tokens: int, room: int) -> None:
        """The next pass writes `tokens` tokens to the end of the trunk, which will grow to `room` in all."""
        self.branch_at([tokens])
        self._growing_trunk = True
        self._room = max(room, self.length + tokens)

    def grown(self, tokens: int) -> None:
        """The trunk's pass is done: its tokens count."""
        self.length += tokens
        self._growing_trunk = False

    def next_step(self, first: bool) -> None:
        """Every branch goes on by one token; `first` after its first pass."""
        self._slots = self._lengths.clone() if first else self._slots + 1
        self.slots_used += 1
        self._masks.clear()

    def keep(self, rows: Tensor) -> None:
        """Go on with these branches only."""
        self._slots, self._lengths = self._slots[rows], self._lengths[rows]
        self._rows = torch.arange(len(rows), device=self._device)
        self._branches = [None if pair is None else (pair[0][rows], pair[1][rows]) for pair in self._branches]

    def drop(self) -> None:
        """Forget everything and give the memory back."""
        self._trunks = [None] * len(self.windows)
        self.length = 0
        self.branch_at([])

    @property
    def positions(self) -> Tensor:
        """Position of each branch's next token, (batch, 1)."""
        return (self._slots + self.length).unsqueeze(1)

    # What the model and its attention ask.

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens before this pass, for models that number positions themselves."""
        return self.length

    def update(self, key: Tensor, value: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store new keys and values (batch, heads, new tokens, size); return those of the branches, from slot 0 on."""
        if self._growing_trunk:
            self._write_trunk(layer_idx, key, value)
            return key, value
        new = key.shape[2]
        if new > 1 or self._branches[layer_idx] is None:
            buffers = tuple(_grown(None, t, self.slots_used + ROUND) for t in (key, value))
            for buffer, fresh in zip(buffers, (key, value), strict=True):
                buffer[:, :, :new] = fresh
        else:
            buffers = tuple(_grown(b, key, self.slots_used) for b in self._branches[layer_idx] or ())
            for buffer, fresh in zip(buffers, (key, value), strict=True):
                buffer[self._rows, :, self._slots] = fresh[:, :, 0]
        self._branches[layer_idx] = (buffers[0], buffers[1])
        return buffers[0][:, :, : self.slots_used], buffers[1][:, :, : self.slots_used]

    def trunk(self, layer_idx: int) -> tuple[Tensor, Tensor] | None:
        """Keys and values (1, key heads, length, size) of the trunk as it was before this pass; None if it is empty."""
        pair = self._trunks[layer_idx]
        if pair is None or self.length == 0:
            return None
        return pair[0][:, :, : self.length], pair[1][:, :, : self.length]

    def causal(self, new: int, window: int | None) -> Tensor:
        """(1, 1, new, new): which slots the queries of a first pass see."""
        return self._mask("causal", window, lambda: _causal(new, window, self._device))

    def visible(self, slots: int, window: int | None) -> Tensor:
        """(batch, 1, 1, slots): which slots of its branch each next token sees."""

        def make() -> Tensor:
            at, own = torch.arange(slots, device=self._device)[None], self._slots[:, None]
            seen = at <= own if window is None else (at <= own) & (at > own - window)
            return seen[:, None, None]

        return self._mask("visible", window, make)

    def in_window(self, keys: int, new: int, window: int) -> Tensor:
        """(batch, new, keys): which of the trunk's last `keys` tokens each query still sees."""

        def make() -> Tensor:
            slots = self._slots[:, None] + torch.arange(new, device=self._device)
            back = torch.arange(keys, 0, -1, device=self._device)  # how far before the branch a key stands
            return slots[:, :, None] + back < window

        return self._mask("in_window", window, make)

    def _mask(self, kind: str, window: int | None, make: Callable[[], Tensor]) -> Tensor:
        """Masks are equal for all layers of one kind: made once a pass."""
        found = self._masks.get((kind, window))
        if found is None:
            found = self._masks[kind, window] = make()
        return found

    def _write_trunk(self, layer_idx: int, key: Tensor, value: Tensor) -> None:
        old = self._trunks[layer_idx] or (None, None)
        end = self.length + key.shape[2]
        buffers = [_grown(b, t, self._room, self.length) for b, t in zip(old, (key, value), strict=True)]
        for buffer, fresh in zip(buffers, (key, value), strict=True):
            buffer[:, :, self.length : end] = fresh
        self._trunks[layer_idx] = (buffers[0], buffers[1])


def _grown(buffer: Tensor | None, like: Tensor, slots: int, used: int | None = None) -> Tensor:
    """A buffer of at least `slots` slots that holds what `buffer` held (its first `used` slots)."""
    if buffer is not None and buffer.shape[2] >= slots:
        return buffer
    old = 0 if buffer is None else buffer.shape[2]
    capacity = max(slots, old + old // 2 if used is None else 0)
    capacity = -(-capacity // ROUND) * ROUND
    # Zeros, not empty: a slot that nobody sees yet is multiplied by a weight of 0, and 0 times NaN is NaN.
    fresh = torch.zeros(like.shape[0], like.shape[1], capacity, like.shape[3], dtype=like.dtype, device=like.device)
    if buffer is not None:
        kept = old if used is None else used
        fresh[:, :, :kept] = buffer[:, :, :kept]
    return fresh


def _causal(new: int, window: int | None, device: torch.device) -> Tensor:
    at = torch.arange(new, device=device)
    seen = at[None] <= at[:, None]
    if window is not None:
        seen &= at[None] > at[:, None] - window
    return seen[None, None]


__all__ = ["Memory"]
