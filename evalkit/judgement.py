"""What graders that ask a model share: the fence around an answer, and what several votes come to.

An answer is somebody else's text and may say anything, a verdict of its own included. It is put between two marks that
carry a digest of itself, which it cannot know, so it cannot close its fence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from evalkit.records import digest_of

Vote = TypeVar("Vote")


def fenced(text: str, what: str = "answer") -> str:
    """A text between marks that it does not contain."""
    mark = digest_of(text.encode("utf-8", "surrogatepass")).hex()[:12]
    return f"<{what} {mark}>\n{text}\n</{what} {mark}>"


def plurality(votes: Iterable[Vote]) -> Vote | None:
    """What more votes say than anything else; None where there are none, or two verdicts have equally many."""
    ranked = Counter(votes).most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


__all__ = ["fenced", "plurality"]
