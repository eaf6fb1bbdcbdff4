"""What the judge is shown, what its replies come to, and what it never becomes: a wrong answer by accident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.catalogue import Catalogue
from evalkit.errors import FirewallError
from evalkit.judgement import fenced, plurality
from evalkit.privileged import Privileged, grading
from evalkit.protocols import GradeItem, Grader
from evalkit.records import Answer, Completion, Sample

SAMPLE = Sample("p1", ("How many legs has a spider?",), cluster="p1")
KEY = Privileged("p1", answers=["8", "eight"], solutions=["Count them: CANARY-S"], scheme=["CANARY-M"])


def verdict(**options: Any) -> Grader:
    grader = Catalogue().grader_class("verdict")
    return grader(grader.Options(**options))


@pytest.fixture
def item() -> Iterator[GradeItem]:
    with grading("verdict", ("answers", "solutions", "guidelines")) as context:
        yield GradeItem(SAMPLE, Answer("8", text="It is 8."), context.open(KEY))


def replied(*texts: str, finish: Any = "stop") -> tuple[Completion, ...]:
    return tuple(Completion(bytes([n]), text, finish) for n, text in enumerate(texts))


def said(word: str, reasoning: str = "They agree.") -> str:
    return json.dumps({"reasoning": reasoning, "verdict": word})


def with_replies(item: GradeItem, replies: tuple[Completion, ...]) -> GradeItem:
    return GradeItem(item.sample, item.answer, item.reference, replies)


def test_what_answers_to_one_problem_share_comes_first_and_the_answer_last(item: GradeItem) -> None:
    other = GradeItem(SAMPLE, Answer("9", text="It is 9."), item.reference)
    [[mine], [its]] = [verdict().ask(i) for i in (item, other)]
    *shared, last = mine.prompt.segments
    assert list(its.prompt.segments[:-1]) == shared and its.prompt.segments[-1] != last
    text = "".join(s.text for s in shared)
    assert "How many legs" in text and "eight" in text and "CANARY-S" in text, "the judge holds the reference"
    assert "CANARY-M" not in text, "and nothing that it does not need"
    assert "It is 8." in last.text


def test_it_is_shown_only_what_the_run_lets_it_see(item: GradeItem) -> None:
    grader = verdict(privileged=["answers"])
    assert grader.needs == ("answers",)
    [request] = grader.ask(item)
    assert "CANARY-S" not in "".join(s.text for s in request.prompt.segments)
    with grading("verdict", grader.needs) as context, pytest.raises(FirewallError, match="did not declare 'solutions'"):
        verdict().ask(GradeItem(SAMPLE, item.answer, context.open(KEY)))


def test_its_reply_is_held_to_a_form_and_votes_differ(item: GradeItem) -> None:
    [request] = verdict().ask(item)
    assert request.constraint is not None and request.constraint.json is not None
    assert list(request.constraint.json["properties"]) == ["reasoning", "verdict"], "reasons come before the verdict"
    assert request.sampling.temperature == 0
    votes = verdict(votes=3, reasons=False).ask(item)
    assert len({v.key for v in votes}) == 3 and all(v.sampling.temperature > 0 for v in votes)
    assert votes[0].constraint is not None
    assert votes[0].constraint.choice == ("correct", "incorrect", "cannot_assess")
    assert verdict().ask(with_replies(item, replied(said("correct")))) == (), "one turn, then it is read"


@pytest.mark.parametrize(
    ("votes", "status", "value"),
    [
        (["correct"], "scored", 1.0),
        (["incorrect"], "scored", 0.0),
        (["cannot_assess"], "abstained", None),
        (["correct", "incorrect", "correct"], "scored", 1.0),
        (["correct", "incorrect"], "unscored", None),
        (["correct", "incorrect", "cannot_assess", "cannot_assess", "cannot_assess"], "abstained", None),
        (["correct", "cannot_assess", "incorrect"], "unscored", None),
    ],
)
def test_votes_are_counted(item: GradeItem, votes: list[str], status: str, value: float | None) -> None:
    grade = verdict(votes=len(votes)).read(with_replies(item, replied(*map(said, votes))))
    assert (grade.status, grade.value) == (status, value)
    words = [replied(*votes), verdict(votes=len(votes), reasons=False)]
    assert words[1].read(with_replies(item, words[0])).value == value  # type: ignore[attr-defined, arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "correct", '"correct"', "{", '{"verdict": "correct"}', '{"reasoning": "x", "verdict": "CORRECT!"}', "[]", "7",
     '{"reasoning": "x", "verdict": null}', '{"reasoning": "x", "verdict": ["correct"]}'],
)  # fmt: skip
def test_a_reply_that_is_not_in_its_form_is_no_vote_and_no_wrong_answer(item: GradeItem, text: str) -> None:
    grade = verdict().read(with_replies(item, replied(text)))
    assert grade.status == "unscored" and grade.value is None and "not in the form" in grade.reason
    half = verdict(votes=2).read(with_replies(item, replied(text, said("incorrect"))))
    assert (half.status, half.value, half.raw["unread"]) == ("unscored", None, 1), "half of the votes is no verdict"
    kept = verdict(votes=3).read(with_replies(item, replied(text, said("incorrect"), said("incorrect"))))
    assert (kept.status, kept.value, kept.raw["unread"]) == ("scored", 0.0, 1)


def test_a_reply_that_was_cut_is_no_vote_even_if_it_reads_like_one(item: GradeItem) -> None:
    grade = verdict().read(with_replies(item, replied(said("correct"), finish="length")))
    assert grade.status == "unscored" and "cut by the token limit" in grade.reason


def test_a_grade_keeps_what_it_rests_on(item: GradeItem) -> None:
    votes = replied(said("incorrect", "No."), said("correct", "Yes, 8."), said("correct", "Also."))
    grade = verdict(votes=3).read(with_replies(item, votes))
    assert grade.reason == "Yes, 8." and grade.votes == (0.0, 1.0, 1.0)
    assert grade.raw == {"correct": 2, "incorrect": 1, "unread": 0}


@given(st.text())
def test_an_answer_cannot_close_its_fence(text: str) -> None:
    opened, *inside, closed = fenced(text).split("\n")
    assert closed == opened.replace("<", "</") and "\n".join(inside) == text
    assert closed not in text and opened not in text


@given(st.lists(st.sampled_from("abc"), max_size=9))
def test_a_plurality_is_more_than_any_other(votes: list[str]) -> None:
    winner = plurality(votes)
    counts = {v: votes.count(v) for v in votes}
    best = [v for v, n in counts.items() if n == max(counts.values())]
    assert winner == (best[0] if len(best) == 1 else None)
