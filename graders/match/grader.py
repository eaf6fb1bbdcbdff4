"""Exact match, word F1 and subspan match of text answers, by rule.

An answer is a list of strings (or one string). Where one answer is wanted, the first of the list counts, against all
aliases; where `several` are wanted, the list is compared with the gold list as a set. `strict` is the default scorer;
`compat` gives LOFT's numbers to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from evalkit import protocols
from evalkit.protocols import GradeItem
from evalkit.records import Grade, scored

from . import compat, strict

SINGLE = ("em", "f1", "subspan_em")
SEVERAL = {"strict": ("em", "f1", "precision", "coverage", "subspan_em"), "compat": ("em", "coverage", "subspan_em")}
"""Metrics by scorer where several answers are wanted."""


class Match(protocols.Grader):
    """Compares answers with the gold answers as text."""

    name = "match"
    needs = ("answers",)

    class Options(protocols.Options):
        """Which rule, and what counts."""

        scorer: Literal["strict", "compat"] = "strict"
        several: bool = False
        """All gold answers are wanted; otherwise they are aliases of one."""
        primary: Literal["em", "f1", "subspan_em"] = "subspan_em"
        """The metric that is the grade's value; LOFT's is subspan_em."""

    options: Options

    @property
    def metrics(self) -> tuple[str, ...]:
        names = SEVERAL[self.options.scorer] if self.options.several else SINGLE
        return (self.options.primary, *(n for n in names if n != self.options.primary))

    def read(self, item: GradeItem) -> Grade:
        value = item.answer.value
        answers = value if isinstance(value, (list, tuple)) else [value]
        return self._graded(self.measure(item.reference.answers, [str(a) for a in answers]))

    def zero(self, reason: str) -> Grade:
        """No answer: what the scorer gives for an empty list, which in `compat` has other metrics than a full one."""
        return self._graded(self.measure(("nothing",), ()), reason)

    def measure(self, gold: tuple[str, ...], predictions: list[str] | tuple[str, ...]) -> dict[str, float]:
        """All metrics of one list of predictions."""
        if self.options.scorer == "compat":
            return (compat.several if self.options.several else compat.single)(gold, predictions)
        return (strict.several if self.options.several else strict.single)(gold, predictions)

    def _graded(self, metrics: Mapping[str, float], reason: str = "") -> Grade:
        return scored(metrics.get(self.options.primary, 0.0), metrics=metrics, reason=reason)
