"""Who watches a run: the live display, or nobody. The loop says what happens and knows nothing of screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from evalkit.records import Completion


class Observer(Protocol):
    """What the loop tells."""

    def checking(self, task: str) -> None:
        """A task is loaded, rendered and checked before the run begins."""

    def phase(self, candidate: str, task: str, what: str, total: int) -> None:
        """A new stretch of work: `what` is `answering` or `grading`, `total` its number of samples or grades."""

    def done(self, completions: Sequence[Completion], waiting: int) -> None:
        """Completions came back; `waiting` requests of the window are still out."""

    def advance(self, count: int) -> None:
        """So many more samples have their first reply (or their grade)."""


class Silent:
    """The observer that shows nothing."""

    def checking(self, task: str) -> None:
        """Nothing."""

    def phase(self, candidate: str, task: str, what: str, total: int) -> None:
        """Nothing."""

    def done(self, completions: Sequence[Completion], waiting: int) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""


__all__ = ["Observer", "Silent"]
