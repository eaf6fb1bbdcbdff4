"""`math`: is the final answer equal to the reference? Equal scores 1, unequal 0, undecided is left unscored.

In: the parsed answer of a task (the boxed text) and the accepted answers. Out: a grade whose reason names the rung.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import Field

from evalkit.protocols import Grader, Options
from evalkit.protocols import GradeItem as Item
from evalkit.records import Grade, scored

from .compare import Comparison, compare, in_order
from .workers import Pool


class Math(Grader):
    """Mathematical equivalence by exact rungs, then math-verify in killable workers."""

    name = "math"
    needs = ("answers",)

    class Options(Options):
        """How long one pair may take, and how many are worked on at a time."""

        deadline: float = Field(3.0, gt=0, le=600)
        """Seconds for one pair; then its worker is killed and the pair is undecided."""
        workers: int = Field(0, ge=0, le=256)
        """Worker processes; 0: one for each processor."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.pool = Pool(self.options.workers or os.cpu_count() or 1, self.options.deadline)

    @property
    def metrics(self) -> tuple[str, ...]:
        """`correct`: equal to an accepted answer."""
        return ("correct",)

    def read(self, item: Item) -> Grade:
        """The grade of one answer; `unscored` with the reason where equality could not be decided."""
        return grade([compare(gold, pred, self.pool) for gold, pred in pairs(item)])

    def read_all(self, items: Iterable[Item]) -> Iterator[Grade]:
        """Grades in the order of the items, several pairs at a time."""
        counts: list[int] = []

        def all_pairs() -> Iterator[tuple[str, str]]:
            for item in items:
                mine = pairs(item)
                counts.append(len(mine))
                yield from mine

        done, group = 0, list[Comparison]()
        for found in in_order(all_pairs(), self.pool):
            while counts[done] == 0:
                yield grade([])
                done += 1
            group.append(found)
            if len(group) == counts[done]:
                yield grade(group)
                done, group = done + 1, []
        yield from (grade([]) for _ in counts[done:])

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def pairs(item: Item) -> list[tuple[str, str]]:
    """(gold, answer) for every accepted answer of the item; none where there is no reference or no text to compare."""
    value = item.answer.value
    return [(gold, value) for gold in item.reference.answers if isinstance(gold, str) and isinstance(value, str)]


def grade(comparisons: Sequence[Comparison]) -> Grade:
    """One grade from the comparisons with all accepted answers: equal to any is equal.

    A letter against contents says nothing where the contents are among the accepted answers too.
    """
    if not comparisons:
        return Grade(status="unscored", reason="no reference answer, or an answer that is no text")
    telling = [c for c in comparisons if c.rung != "letter" or c.status != "undecided"] or list(comparisons)
    for status in ("equal", "undecided", "unequal"):
        for found in telling:
            if found.status == status:
                if status == "undecided":
                    return Grade(status="unscored", raw=status, reason=f"undecided: {found.rung}")
                value = float(status == "equal")
                return scored(value, metrics={"correct": value}, raw=status, reason=f"{status}: {found.rung}")
    raise AssertionError(telling)
