"""`math`: is the final answer equal to the reference? Equal scores 1, unequal 0, undecided is left unscored.

In: the parsed answer of a task (the boxed text) and the accepted answers. Out: a grade whose reason names the rung.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import Field

from evalkit import protocols
from evalkit.protocols import GradeItem
from evalkit.records import Grade, scored

from .compare import Comparison, compare_any, in_order
from .workers import Pool, cores


class Math(protocols.Grader):
    """Mathematical equivalence by exact rungs, then math-verify in killable workers."""

    name = "math"
    needs = ("answers",)

    class Options(protocols.Options):
        """How long one pair may take, and how many are worked on at a time."""

        deadline: float = Field(3.0, gt=0, le=600)
        """Seconds for one pair; then its worker is killed and the pair is undecided."""
        workers: int = Field(0, ge=0, le=256)
        """Worker processes; 0: one for each processor."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.pool = Pool(self.options.workers or cores(), self.options.deadline)

    @property
    def metrics(self) -> tuple[str, ...]:
        """`correct`: equal to an accepted answer."""
        return ("correct",)

    def read(self, item: GradeItem) -> Grade:
        """The grade of one answer; `unscored` with the reason where equality could not be decided."""
        return grade(compare_any(*job(item), self.pool))

    def read_all(self, items: Iterable[GradeItem]) -> Iterator[Grade]:
        """Grades in the order of the items, several at a time."""
        return map(grade, in_order(map(job, items), self.pool))

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def job(item: GradeItem) -> tuple[list[str], str]:
    """The accepted answers and the answer as texts; a number is written out, any other value has no golds."""
    value = item.answer.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return [], ""
    return [str(gold) for gold in item.reference.answers], value


def grade(comparisons: Sequence[Comparison]) -> Grade:
    """One grade from the comparisons with the accepted answers: equal to any is equal.

    Where the reference is the letter of an option: another letter is wrong, whatever is said of the contents; and a
    letter against contents says nothing where the contents are among the accepted answers too.
    """
    found = _telling(comparisons)
    if found is None:
        return Grade(status="unscored", reason="no reference answer, or an answer that is no text")
    if found.status == "undecided":
        return Grade(status="unscored", raw=found.status, reason=f"undecided: {found.rung}")
    value = float(found.status == "equal")
    return scored(value, metrics={"correct": value}, raw=found.status, reason=f"{found.status}: {found.rung}")


def _telling(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The comparison that settles it, None where there is none."""
    equal = [c for c in comparisons if c.status == "equal"]
    other_letter = [c for c in comparisons if c.rung == "letter" and c.status == "unequal"]
    contents = [c for c in comparisons if c.rung != "letter"]
    undecided = [c for c in contents or comparisons if c.status == "undecided"]
    return next(iter([*equal, *other_letter, *undecided, *contents, *comparisons]), None)
