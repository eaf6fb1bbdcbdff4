"""Which requests an engine with a prefix cache may have in flight: leaders first, and no more than its cache holds.

The first request over a context is its *leader*: the others would compute the same context again if they started
before it has been read, so they are held back until then. All that is in flight together, each shared stretch counted
once, stays within the key-value cache: otherwise the engine would drop what the next request needs. What has been read
is remembered for as long as such a cache would keep it, the stretch unused for longest going first.

Prompts are known by their marks (`prefix`): each question here takes a few look-ups, whatever is in flight and however
long the prompts are. Who is asked in which order is the engine's affair.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import msgspec

from evalkit.plan.prefix import Prefix

REMEMBERED = 4096
"""Stretches that are taken to be in a cache of unknown size though nobody in flight has them."""


class Stretch(msgspec.Struct, eq=False):
    """What lies between two marks that follow each other, in the cache once for all prompts that hold it."""

    size: int
    """Tokens, in whole blocks."""
    flight: int = 0
    """Requests in flight that hold it."""
    readers: dict[Hashable, None] = msgspec.field(default_factory=dict)
    """Those of them that are reading it, the first one first."""
    read: bool = False
    """Whether it has been read: it is in the cache."""


class Held(msgspec.Struct, eq=False):
    """A request in flight."""

    prefix: Prefix
    own: int
    """Tokens after its last mark, those of its reply included, in whole blocks."""


class Admission:
    """What is in flight on one engine."""

    def __init__(self, *, capacity: int | None, block: int, requests: int, least: int | None = None) -> None:
        """`capacity`: tokens that the cache holds, None where it is not known; `block`: tokens that are cached
        together; `requests`: most in flight; `least`: fewest tokens worth waiting for, by default a block."""
        self._capacity, self._block, self._requests = capacity, block, requests
        self._least = least or block
        self._flight: dict[Hashable, Held] = {}
        self._stretches: dict[bytes, Stretch] = {}
        self._total = 0
        """Tokens in the cache for all that is in flight."""
        self._idle: OrderedDict[bytes, int] = OrderedDict()
        """Sizes of stretches that have been read and that nobody in flight holds, the longest unused first."""
        self._idle_total = 0

    def __len__(self) -> int:
        return len(self._flight)

    def admits(self, prefix: Prefix, reply_tokens: int) -> bool:
        """Whether a request may start now. The first one always may, however large it is."""
        if not self._flight:
            return True
        if len(self._flight) >= self._requests or self.leader(prefix) is not None:
            return False
        return self.fits(prefix, reply_tokens)

    def leader(self, prefix: Prefix) -> Hashable | None:
        """The request in flight that is reading what this one needs, None where it has not to wait for any."""
        cached = reading = 0
        leader: Hashable | None = None
        for mark in prefix.marks:
            stretch = self._stretches.get(mark.digest)
            if stretch is None:
                break
            if stretch.read:
                cached = mark.end
            elif stretch.readers:
                reading, leader = mark.end, next(iter(stretch.readers))
        return leader if reading - cached >= self._least else None

    def fits(self, prefix: Prefix, reply_tokens: int) -> bool:
        """Whether the cache has room for a request beside those in flight; it always has for one alone."""
        if self._capacity is None or not self._flight:
            return True
        room = self._capacity - self._total
        for mark, size in self._sizes(prefix):
            stretch = self._stretches.get(mark)
            room -= size if stretch is None or not stretch.flight else 0
        return self._own(prefix, reply_tokens) <= room

    def started(self, key: Hashable, prefix: Prefix, reply_tokens: int) -> None:
        """A request was handed to the engine."""
        held = self._flight[key] = Held(prefix, self._own(prefix, reply_tokens))
        self._total += held.own
        for mark, size in self._sizes(prefix):
            stretch = self._stretches.get(mark)
            if stretch is None:
                stretch = self._stretches[mark] = Stretch(size)
            if not stretch.flight:
                self._total += size
                self._idle_total -= self._idle.pop(mark, 0)
            stretch.flight += 1
            if not stretch.read:
                stretch.readers[key] = None
        self._forget()

    def was_read(self, key: Hashable) -> None:
        """The engine has read the request's prompt: its first token came."""
        for stretch in self._stretches_of(key):
            stretch.read = True
            stretch.readers.clear()

    def unwatched(self, key: Hashable) -> None:
        """Nobody will hear when this request's prompt has been read: it is no leader."""
        for stretch in self._stretches_of(key):
            stretch.readers.pop(key, None)

    def ended(self, key: Hashable, *, read: bool = True) -> None:
        """The request is done. Unless its prompt was `read`, the next one over the same context is to lead."""
        if key not in self._flight:
            return
        if read:
            self.was_read(key)
        else:
            self.unwatched(key)
        held = self._flight.pop(key)
        self._total -= held.own
        for mark in reversed(held.prefix.marks):  # the deepest is to be forgotten first
            stretch = self._stretches[mark.digest]
            stretch.flight -= 1
            if stretch.flight:
                continue
            self._total -= stretch.size
            if stretch.read:
                self._idle[mark.digest] = stretch.size
                self._idle_total += stretch.size
            else:
                del self._stretches[mark.digest]
        self._forget()

    def may_lead(self, prefix: Prefix) -> bool:
        """Whether a prompt brings anything that others might have to wait for."""
        return bool(prefix.marks) and prefix.marks[-1].end - self._cached(prefix) >= self._least

    def _cached(self, prefix: Prefix) -> int:
        """Tokens of a prompt that have been read."""
        cached = 0
        for mark in prefix.marks:
            stretch = self._stretches.get(mark.digest)
            if stretch is None:
                break
            cached = mark.end if stretch.read else cached
        return cached

    def _stretches_of(self, key: Hashable) -> list[Stretch]:
        held = self._flight.get(key)
        return [self._stretches[mark.digest] for mark in held.prefix.marks] if held is not None else []

    def _sizes(self, prefix: Prefix) -> list[tuple[bytes, int]]:
        """Each stretch with its tokens in whole blocks."""
        found, before = [], 0
        for mark in prefix.marks:
            end = mark.end // self._block * self._block
            found.append((mark.digest, end - before))
            before = end
        return found

    def _own(self, prefix: Prefix, reply_tokens: int) -> int:
        """Tokens that a request takes beyond its marks: a block is taken whole."""
        marked = prefix.marks[-1].end // self._block * self._block if prefix.marks else 0
        return -(-(prefix.size + reply_tokens - marked) // self._block) * self._block

    def _forget(self) -> None:
        """Drop what a cache of this size would have dropped."""
        while self._idle and (
            len(self._idle) > REMEMBERED if self._capacity is None else self._total + self._idle_total > self._capacity
        ):
            mark, size = self._idle.popitem(last=False)
            self._idle_total -= size
            del self._stretches[mark]


__all__ = ["Admission"]
