"""A prefix cache as engines keep one: shared stretches stay until their place is needed, the longest unused go first.

A stretch is of use only together with all that stands before it, so the end of a path always goes before its beginning,
and nothing goes that a running request holds.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence

from evalkit.forecast.load import ROOT, Load
from evalkit.forecast.roofline import Replica


class PrefixCache:
    """Shared stretches in memory, and which of them are in use. `used` are the bytes taken, those of requests too."""

    def __init__(self, replica: Replica, load: Load) -> None:
        self._load, self._bytes = load, replica.shape.context_bytes
        self._recent: OrderedDict[int, float] = OrderedDict()
        self._pins: Counter[int] = Counter()
        self.used = 0.0

    def path(self, context: int) -> list[int]:
        """Stretches from a context up to the root."""
        found = []
        while context != ROOT:
            found.append(context)
            context = self._load.stretches[context].parent
        return found

    def missing(self, path: Sequence[int]) -> tuple[int, float]:
        """Tokens and bytes of a path that are not cached. A stretch is only there if all before it are."""
        tokens, size = 0, 0.0
        for stretch in path:
            if stretch in self._recent:
                break
            end = self._load.context_tokens(stretch)
            own = self._load.stretches[stretch].tokens
            tokens += own
            size += self._bytes(end) - self._bytes(end - own)
        return tokens, size

    def room(self, wanted: float, budget: float, path: Sequence[int]) -> bool:
        """Make room for so many bytes by dropping what is not in use; False (and nothing dropped) if there is none."""
        short = self.used + wanted - budget
        chosen = []
        if short > 0:
            for stretch, size in self._recent.items():
                if not self._pins[stretch] and stretch not in path:
                    chosen.append(stretch)
                    short -= size
                    if short <= 0:
                        break
        if short > 0:
            return False
        for stretch in chosen:
            self.used -= self._recent.pop(stretch)
        return True

    def keep(self, path: Sequence[int]) -> None:
        """Drop everything but a path: an engine without a cache of its own holds one prefix, the last."""
        for stretch in set(self._recent).difference(path):
            self.used -= self._recent.pop(stretch)

    def take(self, path: Sequence[int]) -> None:
        """Put a path into the cache and hold it; its end counts as older than its beginning."""
        for stretch in path:
            if stretch not in self._recent:
                size = self.missing([stretch])[1]
                self._recent[stretch] = size
                self.used += size
            self._recent.move_to_end(stretch)
            self._pins[stretch] += 1

    def release(self, path: Sequence[int]) -> None:
        """Let go of a path; it stays cached until its place is needed."""
        for stretch in path:
            self._pins[stretch] -= 1


__all__ = ["PrefixCache"]
