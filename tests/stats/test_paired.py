"""Paired differences: worked values from real judgements, and only pairs compare."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evalkit.errors import DataError
from evalkit.stats.paired import paired_difference

TASK = "town/rag@1k"


def two(scores, x, y, **more):
    """A table of two candidates, a and b, with these values on the same samples."""
    rows = [{"candidate": "a", "sample": f"q{i}", "value": v, **more} for i, v in enumerate(x)]
    return scores([*rows, *({"candidate": "b", "sample": f"q{i}", "value": v, **more} for i, v in enumerate(y))])


def test_real_judgements_reproduce_the_paired_and_unpaired_errors(scores, shared_data: Path) -> None:
    """387 MathOdyssey answers of two models: a difference of .0517 that only the paired interval separates from 0."""
    turbo, preview = "gpt-4-turbo-2024-04-09-clean-new", "gpt-4-0125-preview-solution-clean-new"
    rows = []
    with (shared_data / "graders/mathodyssey/final_answers_llm_judged.jsonl").open(encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            if entry["run"] in (turbo, preview):
                verdict = re.findall(r"[01]", entry["is_correct_llm_judge"])[-1]  # some are prose that ends in it
                rows.append({"candidate": entry["run"], "sample": entry["id"], "value": float(verdict)})
    found = paired_difference(scores(rows), turbo, preview, task=TASK)
    assert found.n == 387
    assert found.mean_a == pytest.approx(0.4935, abs=5e-5)
    assert found.difference == pytest.approx(0.0517, abs=5e-5)
    assert found.se == pytest.approx(0.0199, abs=5e-5)
    assert found.se_unpaired == pytest.approx(0.0359, abs=5e-5)
    assert found.correlation == pytest.approx(0.693, abs=5e-4)
    assert found.low > 0
    assert found.difference - 1.96 * found.se_unpaired < 0


def test_the_interval_is_that_of_the_paired_t_test(scores) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.random(40), rng.random(40)
    found = paired_difference(two(scores, x, y), "a", "b", task=TASK)
    expected = stats.ttest_rel(x, y).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.wins + found.losses == 40


def test_swapping_the_two_turns_the_sign(scores) -> None:
    rng = np.random.default_rng(4)
    table = two(scores, rng.random(30), rng.random(30))
    one, other = (paired_difference(table, *names, task=TASK) for names in (("a", "b"), ("b", "a")))
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))
    assert (one.wins, one.losses) == (other.losses, other.wins)


def test_clusters_widen_the_interval_of_differences_that_go_together(scores) -> None:
    rng = np.random.default_rng(6)
    shift = np.repeat(rng.normal(0, 0.2, 10), 8)
    x = np.clip(0.5 + shift + rng.normal(0, 0.02, 80), 0, 1)
    y = np.full(80, 0.5)
    rows = [
        {"candidate": c, "sample": f"q{i}", "value": float(v), "cluster": f"c{i // 8}"}
        for c, values in (("a", x), ("b", y))
        for i, v in enumerate(values)
    ]
    clustered = paired_difference(scores(rows), "a", "b", task=TASK)
    alone = paired_difference(scores([{**r, "cluster": ""} for r in rows]), "a", "b", task=TASK)
    assert clustered.clusters == 10
    assert clustered.se > 2 * alone.se


def test_candidates_that_always_agree_still_get_an_interval_with_width(scores) -> None:
    found = paired_difference(two(scores, [1.0, 0.0] * 20, [1.0, 0.0] * 20), "a", "b", task=TASK)
    assert found.difference == 0
    assert found.low < 0 < found.high
    assert found.high < 0.1


def test_an_unscored_pair_is_left_out_counted_and_bounded(scores) -> None:
    found = paired_difference(two(scores, [1.0, 1.0, None, 0.0, None], [0.0, 1.0, 1.0, 0.0, None]), "a", "b", task=TASK)
    assert (found.n, found.unscored) == (3, 2)
    assert (found.wins, found.losses) == (1, 0)
    assert found.difference == pytest.approx(1 / 3)
    assert (found.coverage_low, found.coverage_high) == pytest.approx((-1 / 5, 2 / 5))


def test_an_adapter_compares_with_and_without(scores) -> None:
    rows = [{"adapter": a, "sample": f"q{i}", "value": float(a == "lora")} for a in ("none", "lora") for i in range(9)]
    found = paired_difference(scores(rows), "small", "small", task=TASK, adapters=("lora", "none"))
    assert found.difference == 1.0


def test_different_samples_are_refused_with_their_number(scores) -> None:
    rows = [{"candidate": "a", "sample": f"q{i}", "value": 1.0} for i in range(5)]
    rows += [{"candidate": "b", "sample": f"q{i}", "value": 1.0} for i in range(3, 10)]
    with pytest.raises(DataError, match=r"3 of 5 only 'a', 5 of 7 only 'b'"):
        paired_difference(scores(rows), "a", "b", task=TASK)
    skipped = [{**r, "status": "skipped", "answer": "skipped", "value": None} for r in rows[:1]]
    others = [{**r, "candidate": "b"} for r in rows[:5]]
    with pytest.raises(DataError, match="did not meet the same samples"):
        paired_difference(scores([*skipped, *rows[1:5], *others]), "a", "b", task=TASK)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"a": "smal"}, "did you mean 'small'"),
        ({"task": "town/rag@2k"}, "did you mean 'town/rag@1k'"),
        ({"grader": "mach"}, "did you mean 'match'"),
        ({"metric": "e"}, "no metric 'e'"),
        ({"adapters": ("lora", "none")}, "no adapter 'lora'"),
    ],
)
def test_a_wrong_name_is_met_with_the_nearest(scores, names, says) -> None:
    table = scores([{"candidate": c, "sample": "q", "value": 1.0} for c in ("small", "large")])
    with pytest.raises(DataError, match=says):
        paired_difference(table, **{"a": "small", "b": "large", "task": TASK, **names})


def test_several_graders_must_be_told_apart_and_no_common_score_is_refused(scores) -> None:
    table = two(scores, [1.0], [0.0])
    both = scores([{"candidate": c, "grader": g, "sample": "q", "value": 1.0} for c in "ab" for g in ("match", "math")])
    with pytest.raises(DataError, match="several graders, name one: match, math"):
        paired_difference(both, "a", "b", task=TASK)
    assert paired_difference(both, "a", "b", task=TASK, grader="math").grader == "math"
    assert paired_difference(table, "a", "b", task=TASK).low == -1.0
    with pytest.raises(DataError, match="no sample has a score for both"):
        paired_difference(two(scores, [1.0, None], [None, 1.0]), "a", "b", task=TASK)
