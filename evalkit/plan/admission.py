"""Which requests an engine with a prefix cache may have in flight: leaders first, and no more than its cache holds.

Requests come in the plan's order. The first one over a context is its *leader*: the others would compute the same
context again if they started before it has been read, so they are held back until then. All that is in flight
together, each shared stretch counted once, stays within the key-value cache: otherwise the engine would drop what the
next request needs. Order is kept: whoever is held back holds back all behind.
"""

from __future__ import annotations

from collections import deque

import msgspec

from evalkit.prompts import EncodedPrompt
from evalkit.prompts.sharing import common_tokens

REMEMBERED = 8
"""Prompts read last that are looked at for what is cached already; in a depth-first order the last one would do."""


class Held(msgspec.Struct, eq=False):
    """A request in flight."""

    key: bytes
    prompt: EncodedPrompt
    size: int
    """Tokens of its prompt, and most tokens that its reply may take."""
    shared: int
    """Tokens that it shares with the one before it: those are counted there."""
    before: Held | None = None
    after: Held | None = None
    read: bool = False
    """Whether its prompt has been read: what it shares is in the cache."""


class Admission:
    """What is in flight on one engine."""

    def __init__(self, *, capacity: int | None, block: int, requests: int) -> None:
        """`capacity`: tokens that the cache holds, None where it is not known; `block`: tokens that are cached
        together; `requests`: most in flight."""
        self._capacity, self._block, self._requests = capacity, block, requests
        self._flight: dict[bytes, Held] = {}
        self._last: Held | None = None
        self._total = 0
        """Tokens in the cache for all that is in flight."""
        self._read: deque[EncodedPrompt] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return len(self._flight)

    def admits(self, prompt: EncodedPrompt, reply_tokens: int) -> bool:
        """Whether a request may start now. The first one always may, however large it is."""
        if not self._flight:
            return True
        if len(self._flight) >= self._requests or self._follows_an_unread_leader(prompt):
            return False
        if self._capacity is None:
            return True
        return self._total + self._own(prompt.n_tokens + reply_tokens, self._shared(prompt)) <= self._capacity

    def started(self, key: bytes, prompt: EncodedPrompt, reply_tokens: int) -> None:
        """A request was handed to the engine."""
        held = Held(key, prompt, prompt.n_tokens + reply_tokens, self._shared(prompt), before=self._last)
        if self._last is not None:
            self._last.after = held
        self._flight[key] = self._last = held
        self._total += self._own(held.size, held.shared)

    def was_read(self, key: bytes) -> None:
        """The engine has read the request's prompt: its first token came."""
        held = self._flight.get(key)
        if held is not None and not held.read:
            held.read = True
            self._read.append(held.prompt)

    def ended(self, key: bytes) -> None:
        """The request is done, whatever came of it. What it shared with its neighbours stays counted with the next."""
        self.was_read(key)
        held = self._flight.pop(key, None)
        if held is None:
            return
        self._total -= self._own(held.size, held.shared)
        if held.before is not None:
            held.before.after = held.after
        if held.after is None:
            self._last = held.before
        else:
            left = min(held.shared, held.after.shared)  # in a walk along a tree, what both outer neighbours share
            self._total += held.after.shared - left  # whole blocks, both
            held.after.shared, held.after.before = left, held.before

    def leads(self, prompt: EncodedPrompt, follower: EncodedPrompt) -> bool:
        """Whether `follower` would have to wait for `prompt`, so that the engine must say when that was read."""
        return common_tokens(prompt, follower) - self._cached(follower) >= self._block

    def _follows_an_unread_leader(self, prompt: EncodedPrompt) -> bool:
        unread = [held.prompt for held in self._flight.values() if not held.read]
        if not unread:
            return False
        cached = self._cached(prompt)
        return any(common_tokens(leader, prompt) - cached >= self._block for leader in unread)

    def _cached(self, prompt: EncodedPrompt) -> int:
        return max((common_tokens(read, prompt) for read in self._read), default=0)

    def _own(self, size: int, shared: int) -> int:
        """Tokens that a request takes beyond what it shares: a block is taken whole."""
        return -(-(size - shared) // self._block) * self._block

    def _shared(self, prompt: EncodedPrompt) -> int:
        """Tokens, in whole blocks, that a prompt shares with the one that started last."""
        if self._last is None:
            return 0
        return common_tokens(self._last.prompt, prompt) // self._block * self._block


__all__ = ["Admission"]
