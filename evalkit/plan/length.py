"""How much room a reply will take, guessed by those that came before.

What a reply may take at most is seldom what it takes: with room kept for all of it an engine of many users would stand
half empty. What outgrows the guess the engine makes room for by itself.
"""

from __future__ import annotations

import math

FIRST_GUESS = 512
"""Tokens of a reply before any has come."""
REMEMBERED = 256
"""Replies over which their length is averaged."""


class ReplyLength:
    """The running mean of the replies' lengths, in tokens."""

    def __init__(self) -> None:
        self._mean = float(FIRST_GUESS)
        self._seen = 0

    def saw(self, tokens: int) -> None:
        """A reply came and took so many tokens; 0 where that is not told."""
        if tokens:
            self._seen = min(self._seen + 1, REMEMBERED)
            self._mean += (tokens - self._mean) / self._seen

    def guess(self, most: int) -> int:
        """Tokens to keep room for, of a reply that may take `most`."""
        return min(most, math.ceil(self._mean))


__all__ = ["FIRST_GUESS", "ReplyLength"]
