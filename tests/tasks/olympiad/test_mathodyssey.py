"""Real input: all 2,322 recorded MathOdyssey replies of six models, read by the task and graded by `math`.

The labels to compare with were given by a language model, not by a person, and are wrong here and there; so agreement
with them is a check on the path, not on the last percent.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from evalkit.graders.math.grader import Math
from evalkit.tasks.olympiad.task import Olympiad

from evalkit.privileged import grading
from evalkit.protocols import GradeItem, TaskContext
from evalkit.records import Answer, Completion, Grade

REPLIES, PROBLEMS, RUNS = 2322, 387, 6


class Judged(NamedTuple):
    id: str
    run: str
    level: str
    answer: Answer
    grade: Grade | None
    """None where there was no answer to grade."""


def rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def judge_all(folder: Path, deadline: float = 5.0) -> list[Judged]:
    """Every reply, read and graded; replies of other forms than a box were asked for an "answer" field in JSON."""
    context = TaskContext(name="olympiad/mathodyssey", variant="mathodyssey")
    task = Olympiad(context, Olympiad.Options(problems=str(folder / "problems.jsonl"), fallback="json"))
    items = {sample.id: (sample, privileged) for sample, privileged in task.load()}
    grader = Math(Math.Options(deadline=deadline, workers=2))
    replies = list(rows(folder / "responses.jsonl"))
    try:
        with grading(grader.name, grader.needs) as opened:
            read = [task.read(items[r["id"]][0], [Completion(b"", text=r["response"])]) for r in replies]
            answered = (
                GradeItem(items[r["id"]][0], a, opened.open(items[r["id"]][1]))
                for r, a in zip(replies, read, strict=True)
                if a.status == "answered"
            )
            grades = grader.read_all(answered)
            return [
                Judged(r["id"], r["run"], items[r["id"]][0].tags["level"], a, next(grades) if a.value else None)
                for r, a in zip(replies, read, strict=True)
            ]
    finally:
        grader.close()


def agreement(judged: list[Judged], folder: Path) -> tuple[int, float, float]:
    """Replies with both verdicts, raw agreement, and Cohen's kappa with the weak labels of the same run."""
    labels = {
        (row["id"], row["run"].removesuffix("-solution-clean")): row["is_correct_llm_judge"].strip()
        for row in rows(folder / "final_answers_llm_judged.jsonl")
        if row["run"].endswith("-solution-clean")
    }
    pairs = [
        (j.grade.value == 1.0, labels[j.id, j.run] == "1")
        for j in judged
        if j.grade is not None and j.grade.status == "scored" and labels.get((j.id, j.run)) in {"0", "1"}
    ]
    n, counts = len(pairs), Counter(pairs)
    observed = (counts[True, True] + counts[False, False]) / n
    ours, theirs = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    chance = ours * theirs + (1 - ours) * (1 - theirs)
    return n, observed, (observed - chance) / (1 - chance)


@pytest.mark.slow
def test_all_recorded_replies_go_through_the_path(shared_data: Path) -> None:
    folder = shared_data / "graders" / "mathodyssey"
    start = time.monotonic()
    judged = judge_all(folder)
    assert time.monotonic() - start < 400
    assert len(judged) == REPLIES
    assert set(Counter(j.run for j in judged).values()) == {PROBLEMS}
    status = Counter(j.answer.status for j in judged)
    assert status == {"answered": REPLIES - 243, "unparsed": 243}

    graded = [j.grade for j in judged if j.grade is not None]
    unscored = [g for g in graded if g.status == "unscored"]
    assert len(unscored) <= 0.08 * len(graded)
    assert all(g.reason.startswith("undecided: ") and g.value is None for g in unscored)

    right = Counter(j.level for j in judged if j.grade is not None and j.grade.value == 1.0)
    total = Counter(j.level for j in judged)
    accuracy = {level: right[level] / n for level, n in total.items()}
    assert accuracy["high school math"] > accuracy["college math"] > accuracy["high school competition"]

    n, observed, kappa = agreement(judged, folder)
    assert n > 1800
    assert observed > 0.88 and kappa > 0.7
