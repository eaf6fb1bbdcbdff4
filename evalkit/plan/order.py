"""The order of requests: along their prefix tree, so that each context is read once, and the largest first.

Prompts are made of shared segments, so the requests of a window form a prefix tree. Walking it depth-first keeps all
requests over one context together. Requests of one adapter stay together too: its context is read with its weights.
"""

from __future__ import annotations

from collections.abc import Iterable

from evalkit.records import Lora, Request


def depth_first(requests: Iterable[Request]) -> list[Request]:
    """Requests by adapter, then in depth-first order of their prefix tree; the branch with the longest prompt first.

    So an out-of-memory shows at the beginning. Branches of equal length keep the order in which they first appear, and
    requests with equal prompts (draws of one sample) theirs. O(n log n) comparisons of digest paths; of each segment
    only its length is looked at.
    """
    adapters: dict[Lora | None, int] = {}
    rank: dict[bytes, int] = {}
    longest: dict[tuple[int, ...], int] = {}
    keyed: list[tuple[tuple[int, ...], Request]] = []
    for request in requests:
        first = adapters.setdefault(request.adapter, len(adapters))
        path = (first, *(rank.setdefault(step, len(rank)) for step in request.prompt.path))
        size = sum(len(segment.text) for segment in request.prompt.segments)
        for end in range(2, len(path) + 1):
            branch = path[:end]
            longest[branch] = max(longest.get(branch, 0), size)
        keyed.append((path, request))

    def place(pair: tuple[tuple[int, ...], Request]) -> tuple[int, ...]:
        path, _ = pair
        steps = (step for end in range(2, len(path) + 1) for step in (-longest[path[:end]], path[end - 1]))
        return (path[0], *steps)

    return [request for _, request in sorted(keyed, key=place)]


__all__ = ["depth_first"]
