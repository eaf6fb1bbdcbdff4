"""Who watches a run: the live display, or nobody. The loop says what happens and knows nothing of screens."""

from __future__ import annotations

from typing import Protocol

from evalkit.records import Completion


class Stretch(Protocol):
    """A stretch of work that has begun; several may be under way at a time."""

    def done(self, completion: Completion, waiting: int) -> None:
        """A completion came back; `waiting` requests are still out."""

    def advance(self, count: int) -> None:
        """So many more samples, answers or grades are finished."""


class Observer(Protocol):
    """What the loop tells."""

    def checking(self, task: str) -> None:
        """A task is loaded, rendered and checked before the run begins."""

    def stretch(self, who: str, task: str, what: str, total: int) -> Stretch:
        """A new stretch of work: `what` is `answering`, `judging` or `grading`; `total` as `advance` will count."""


class Silent:
    """The observer that shows nothing, and a stretch of nothing."""

    def checking(self, task: str) -> None:
        """Nothing."""

    def stretch(self, who: str, task: str, what: str, total: int) -> Stretch:
        """Nothing."""
        return self

    def done(self, completion: Completion, waiting: int) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""


__all__ = ["Observer", "Silent", "Stretch"]
