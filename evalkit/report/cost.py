"""What the answers cost: tokens read, tokens reused, tokens written, by candidate.

A scores table repeats the cost of an answer wherever several graders or metrics judge it, or gives it with one of them
only; each answer is counted once here either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from evalkit.report import labels

if TYPE_CHECKING:
    import pyarrow as pa

    from evalkit.results import JudgeUsage

_ANSWER = ["candidate", "adapter", "task", "sample", "draw"]
_COSTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "seconds")


class Cost(msgspec.Struct, frozen=True):
    """All answers of one candidate together."""

    candidate: str
    """With its adapter, where it has one; or the judge of a grader."""
    answers: int
    """Samples x draws that were asked; skipped ones are not."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt tokens, those whose keys and values were reused."""
    completion_tokens: int
    seconds: float
    """Sum over answers, which may have run side by side."""

    @property
    def computed(self) -> float | None:
        """Share of the prompt tokens that were computed: 1 - cached / prompt; None where no tokens were counted."""
        return 1 - self.cached_tokens / self.prompt_tokens if self.prompt_tokens else None


def costs(scores: pa.Table) -> list[Cost]:
    """The cost of every candidate, in order of first appearance."""
    import pyarrow.compute as pc

    asked = scores.filter(pc.not_equal(scores["status"], "skipped"))
    answers = asked.group_by(_ANSWER, use_threads=False).aggregate([(name, "max") for name in _COSTS])
    sums = [(f"{name}_max", "sum") for name in _COSTS]
    total = answers.group_by(["candidate", "adapter"], use_threads=False).aggregate([([], "count_all"), *sums])
    return [
        Cost(
            candidate=labels.series(row["candidate"], row["adapter"]),
            answers=row["count_all"],
            prompt_tokens=row["prompt_tokens_max_sum"] or 0,
            cached_tokens=row["cached_tokens_max_sum"] or 0,
            completion_tokens=row["completion_tokens_max_sum"] or 0,
            seconds=row["seconds_max_sum"] or 0.0,
        )
        for row in total.to_pylist()
    ]


def reading(cost: Cost, efficiency: float | None) -> str:
    """What reading a candidate's prompts cost, in one line that explains its own terms."""
    shared = labels.percent(cost.cached_tokens / cost.prompt_tokens)
    line = f"{cost.candidate} read {cost.prompt_tokens:,} prompt tokens, {shared} shared (kept from a prompt before)"
    if efficiency is None:
        return f"{line}."
    return f"{line}; prefill efficiency {efficiency:.2f} (tokens that had to be computed / that were; 1 is best)."


def judge_cost(usage: JudgeUsage) -> Cost:
    """What one grader asked its model, as a cost like a candidate's."""
    tokens = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
    return Cost(f"the judge of {usage.grader}", usage.replies, *tokens, 0.0)


__all__ = ["Cost", "costs", "judge_cost", "reading"]
