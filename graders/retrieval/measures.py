"""recall@k, mrecall@k and capped recall@k of a ranked list of document ids.

- recall@k: share of the gold documents among the first k.
- mrecall@k: 1 where the first k hold all gold documents, or nothing but gold where there are more than k
  (Min et al. 2021, "Joint passage ranking for diverse multi-answer retrieval").
- capped_recall@k: recall@k with at most k gold documents to be had.
"""

from __future__ import annotations

from collections.abc import Sequence


def recall(gold: Sequence[str], found: Sequence[str], k: int) -> float:
    """Share of `gold` among the first k of `found`. Raises ZeroDivisionError without gold."""
    return _hits(gold, found, k) / len(gold)


def mrecall(gold: Sequence[str], found: Sequence[str], k: int) -> float:
    """1.0 where the first k of `found` are as complete as they can be, else 0.0; an empty list is never complete."""
    return float(bool(found) and _hits(gold, found, k) == min(k, len(gold)))


def capped_recall(gold: Sequence[str], found: Sequence[str], k: int) -> float:
    """Share of the gold documents that k places can hold, among the first k. Raises ZeroDivisionError without gold."""
    return _hits(gold, found, k) / min(k, len(gold))


def _hits(gold: Sequence[str], found: Sequence[str], k: int) -> int:
    """How many different gold ids are among the first k places; a repeated id wastes its place."""
    return len(set(found[:k]).intersection(gold))


__all__ = ["capped_recall", "mrecall", "recall"]
