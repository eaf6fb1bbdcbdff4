"""One-to-one pairing of gold answers with predictions."""

from __future__ import annotations

from collections.abc import Callable


def pairs(golds: int, predictions: int, fits: Callable[[int, int], bool]) -> int:
    """Most pairs (gold, prediction) that fit, no one in two of them: a maximum bipartite matching.

    By breadth-first augmenting paths, so that long answer lists cannot exhaust the stack.
    """
    edges = [[p for p in range(predictions) if fits(g, p)] for g in range(golds)]
    gold_of: dict[int, int] = {}
    prediction_of: dict[int, int] = {}
    return sum(_augment(g, edges, gold_of, prediction_of) for g in range(golds))


def _augment(start: int, edges: list[list[int]], gold_of: dict[int, int], prediction_of: dict[int, int]) -> bool:
    """Pair `start`, moving others to other predictions where needed (the maps change); False if it cannot be."""
    reached_from: dict[int, int] = {}
    queue = [start]
    for gold in queue:
        for prediction in edges[gold]:
            if prediction in reached_from:
                continue
            reached_from[prediction] = gold
            if prediction in gold_of:
                queue.append(gold_of[prediction])
                continue
            free: int | None = prediction
            while free is not None:
                mover = reached_from[free]
                left = prediction_of.get(mover)
                gold_of[free], prediction_of[mover] = mover, free
                free = left
            return True
    return False


__all__ = ["pairs"]
