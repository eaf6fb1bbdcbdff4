"""From both ends of the tree: contexts that are mostly read and contexts that are mostly written, side by side.

Reading a prompt is bound by arithmetic, writing a reply by memory traffic; an engine that has both to do at a time can
hide one behind the other (BlendServe, arXiv 2411.16102). Requests keep the order of their own context, and a context
that is mostly read is taken whole, lest it lose its place in the cache between two of its questions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from evalkit.plan.order import depth_first
from evalkit.records import Request


class _Context(msgspec.Struct, frozen=True):
    """Requests over one shared text."""

    requests: tuple[Request, ...]
    reading: int
    """Characters that must be read: the shared text once, and what each request adds."""
    writing: int
    """Most tokens that the replies may have."""

    @property
    def reads(self) -> float:
        """Characters read for each token written."""
        return self.reading / max(self.writing, 1)


def blended(requests: Iterable[Request]) -> list[Request]:
    """Requests by adapter; within an adapter from both ends, so that reading and writing progress in step.

    Of two contexts that write alike the one with more to read counts as mostly read. O(n log n).
    """
    ordered = depth_first(requests)
    return [r for _, mine in groupby(ordered, key=lambda r: r.adapter) for r in _from_both_ends(list(mine))]


def _from_both_ends(ordered: list[Request]) -> Iterator[Request]:
    ranked = sorted(_contexts(ordered), key=lambda c: -c.reads)
    reading, writing = (sum(getattr(c, what) for c in ranked) or 1 for what in ("reading", "writing"))
    queues = [deque(c.requests) for c in ranked]
    low, high = 0, len(ranked) - 1
    read = written = 0.0
    while low <= high:
        side = low if read / reading <= written / writing else high
        taken = len(queues[side]) if side == low else 1
        for _ in range(taken):
            yield queues[side].popleft()
        context = ranked[side]
        read += context.reading * taken / len(context.requests)
        written += context.writing * taken / len(context.requests)
        if not queues[side]:
            low, high = (low + 1, high) if side == low else (low, high - 1)


def _contexts(ordered: list[Request]) -> Iterator[_Context]:
    for _, same in groupby(ordered, key=lambda r: r.prompt.path[:-1]):
        requests = tuple(same)
        *shared, _ = requests[0].prompt.segments
        reading = sum(len(s.text) for s in shared) + sum(len(r.prompt.segments[-1].text) for r in requests)
        yield _Context(requests, reading, sum(r.sampling.max_tokens for r in requests))


__all__ = ["blended"]
