"""Equal strings."""

from __future__ import annotations

import evalkit as ek
from evalkit import scored


class Exact(ek.Grader):
    """1 where the answer equals a gold answer."""

    name = "exact"
    needs = ("answers",)

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("equal", "same_length")

    def read(self, item: ek.GradeItem) -> ek.Grade:
        gold = item.reference.answers
        equal = float(item.answer.value in gold)
        length = float(any(len(g) == len(item.answer.value) for g in gold))
        return scored(equal, metrics={"equal": equal, "same_length": length})
