"""Recall of retrieved documents, by rule: recall@k, mrecall@k, capped_recall@k.

An answer is a list of document ids, best first. `strict` counts a repeated id once; `compat` lets it waste a place, as
LOFT does. Which metric is primary is the data set's affair: a task states it in its grader options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from evalkit import protocols
from evalkit.errors import nearest
from evalkit.protocols import GradeItem
from evalkit.records import Grade, scored

from . import measures

MEASURES = {"recall": measures.recall, "mrecall": measures.mrecall, "capped_recall": measures.capped_recall}


class Retrieval(protocols.Grader):
    """Compares retrieved document ids with the gold ones."""

    name = "retrieval"
    needs = ("answers",)

    class Options(protocols.Options):
        """Cut-offs, the metric that counts, and how repeated ids are taken."""

        k: tuple[int, ...] = Field(default=(1, 2, 3, 5), min_length=1)
        primary: str = "recall@1"
        """Metric that is the grade's value: a name and one of the cut-offs, as mrecall@5."""
        scorer: Literal["strict", "compat"] = "strict"

        @model_validator(mode="after")
        def _known(self) -> Retrieval.Options:
            if any(k < 1 for k in self.k):
                raise ValueError("k must hold cut-offs of at least 1")
            valid = [f"{name}@{k}" for name in MEASURES for k in self.k]
            if self.primary not in valid:
                raise ValueError(f"no metric {self.primary!r} with k = {list(self.k)}{nearest(self.primary, valid)}")
            return self

    options: Options

    @property
    def metrics(self) -> tuple[str, ...]:
        names = [f"{name}@{k}" for name in MEASURES for k in self.options.k]
        return (self.options.primary, *(n for n in names if n != self.options.primary))

    def read(self, item: GradeItem) -> Grade:
        found = [str(i).strip() for i in item.answer.value]
        metrics = self.measure(item.reference.answers, found)
        return scored(metrics[self.options.primary], metrics=metrics)

    def measure(self, gold: Sequence[str], found: Sequence[str]) -> dict[str, float]:
        """All metrics of one ranked list."""
        if self.options.scorer == "strict":
            gold, found = list(dict.fromkeys(gold)), list(dict.fromkeys(found))
        return {f"{name}@{k}": rule(gold, found, k) for name, rule in MEASURES.items() for k in self.options.k}
