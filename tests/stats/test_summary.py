"""Summaries: nothing is dropped in silence, and the order of rows does not matter."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import DataError
from evalkit.stats.summary import NOTHING_SCORED, summarise, tag_values


def test_a_candidate_that_does_not_answer_scores_zero_and_is_counted(scores) -> None:
    ways = ("unparsed", "truncated", "refused", "missing")
    rows = [{"value": 1.0}] * 4 + [{"value": 0.0, "answer": way} for way in ways]
    (found,) = summarise(scores(rows))
    assert found.mean == 0.5
    assert found.n == found.scored == 8
    assert [getattr(found, way) for way in ways] == [1, 1, 1, 1]
    assert found.unscored == found.skipped == 0
    assert found.coverage_low == found.coverage_high == 0.5


def test_a_grader_that_does_not_judge_widens_the_bounds_and_leaves_the_mean(scores) -> None:
    rows = [{"value": 1.0}] * 6 + [{"value": 0.0}] * 2
    rows += [{"status": status} for status in ("unscored", "abstained", "error")]
    (found,) = summarise(scores(rows))
    assert found.mean == 0.75
    assert (found.n, found.scored, found.unscored, found.errors) == (8, 8, 3, 1)
    assert found.coverage_low == pytest.approx(6 / 11)
    assert found.coverage_high == pytest.approx(9 / 11)


def test_a_skipped_prompt_is_in_no_mean_and_in_no_bound(scores) -> None:
    asked = [{"value": 1.0}, {"value": 0.0}, {"value": 1.0}]
    skipped = [{"status": "skipped", "answer": "skipped"}] * 5
    (alone,) = summarise(scores(asked))
    (found,) = summarise(scores([*asked, *skipped]))
    assert found.skipped == 5
    assert (found.n, found.mean, found.low, found.high) == (3, alone.mean, alone.low, alone.high)
    assert (found.coverage_low, found.coverage_high) == (alone.coverage_low, alone.coverage_high)
    assert found.unscored == 0


def test_where_nothing_is_scored_there_is_no_mean(scores) -> None:
    (unscored,) = summarise(scores([{"status": "error"}] * 3))
    assert (unscored.mean, unscored.low, unscored.high, unscored.method) == (None, None, None, NOTHING_SCORED)
    assert (unscored.coverage_low, unscored.coverage_high) == (0.0, 1.0)
    (skipped,) = summarise(scores([{"status": "skipped", "answer": "skipped"}] * 3))
    assert (skipped.mean, skipped.coverage_low, skipped.coverage_high, skipped.skipped) == (None, None, None, 3)


def test_draws_of_one_sample_are_averaged_before_anything_else(scores) -> None:
    rows = [{"sample": f"q{i}", "draw": d, "value": float(d < i)} for i in range(4) for d in range(3)]
    (found,) = summarise(scores(rows))
    assert (found.n, found.scored) == (4, 12)
    (averaged,) = summarise(scores([{"sample": f"q{i}", "value": i / 3} for i in range(4)]))
    assert (found.mean, found.low, found.high) == pytest.approx((averaged.mean, averaged.low, averaged.high))


def test_an_unscored_draw_leaves_the_other_draws_of_its_sample(scores) -> None:
    rows = [{"sample": "a", "draw": 0, "value": 1.0}, {"sample": "a", "draw": 1}, {"sample": "b", "value": 0.0}]
    (found,) = summarise(scores(rows))
    assert (found.n, found.mean, found.unscored) == (2, 0.5, 1)
    assert (found.coverage_low, found.coverage_high) == (0.25, 0.5)


def test_a_metric_that_a_scored_answer_lacks_is_unscored_for_that_metric(scores) -> None:
    (found,) = summarise(scores([{"value": 1.0}, {"status": "scored", "value": None}]))
    assert (found.n, found.scored, found.unscored) == (1, 1, 1)
    assert (found.coverage_low, found.coverage_high) == (0.5, 1.0)


def test_every_task_candidate_adapter_grader_and_metric_has_its_own_summary_in_run_order(scores) -> None:
    rows = [
        {"task": t, "candidate": c, "adapter": a, "metric": m, "primary": m == "em", "sample": "q", "value": 1.0}
        for t in ("town/rag@2k", "town/rag@1k")
        for c in ("z", "a")
        for a in ("none", "lora")
        for m in ("em", "f1")
    ]
    found = summarise(scores(rows))
    assert [(s.task, s.candidate, s.adapter, s.metric) for s in found] == [
        (r["task"], r["candidate"], r["adapter"], r["metric"]) for r in rows
    ]
    assert [s.primary for s in found] == [r["primary"] for r in rows]


def test_tags_split_a_summary_and_samples_without_the_tag_stay_in_sight(scores) -> None:
    rows = [{"value": float(h == "1"), "tags": json.dumps({"hops": h})} for h in "112"] + [{"value": 1.0}]
    found = {s.group["hops"]: (s.n, s.mean) for s in summarise(scores(rows), ["hops"])}
    assert found == {"1": (2, 1.0), "2": (1, 0.0), "": (1, 1.0)}
    assert tag_values(scores(rows)) == {"hops": {"1", "2"}}


def test_two_tags_split_by_both(scores) -> None:
    rows = [{"value": 1.0, "tags": json.dumps({"hops": h, "kind": k})} for h in (1, 2) for k in "ab"]
    assert len(summarise(scores(rows), ["hops", "kind"])) == 4


def test_tokens_are_summed(scores) -> None:
    (found,) = summarise(scores([{"value": 1.0}] * 3))
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens) == (300, 270, 30)
    assert found.length == 1000


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"value": 1.5}, r"outside \[0, 1\]"),
        ({"value": float("nan")}, r"outside \[0, 1\]"),
        ({"value": 1.0, "status": "scred"}, "did you mean 'scored'"),
        ({"value": 1.0, "answer": "maybe"}, "answer 'maybe'"),
    ],
)
def test_a_table_that_is_none_of_scores_is_refused_in_one_sentence(scores, row, says) -> None:
    with pytest.raises(DataError, match=says):
        summarise(scores([row, {"value": 1.0}]))


def test_missing_columns_doubled_samples_and_unknown_tags_are_refused(scores) -> None:
    table = scores([{"value": 1.0, "tags": '{"hops": "1"}'}] * 2)
    with pytest.raises(DataError, match="no column 'cluster'"):
        summarise(table.drop_columns(["cluster"]))
    with pytest.raises(DataError, match="'q0' twice"):
        summarise(pa.concat_tables([table, table]))
    with pytest.raises(DataError, match="did you mean 'hops'"):
        summarise(table, ["hop"])
    with pytest.raises(DataError, match="no JSON object"):
        summarise(scores([{"value": 1.0, "tags": "[1]"}]), ["hops"])


row = st.fixed_dictionaries(
    {
        "value": st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(0, 1)),
        "cluster": st.sampled_from(["", "a", "b", "c"]),
        "status": st.sampled_from(["scored", "unscored", "abstained", "error", "skipped"]),
        "candidate": st.sampled_from(["x", "y"]),
    }
)


@settings(max_examples=80, deadline=None)
@given(st.lists(row, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_whatever_the_rows_the_counts_add_up_and_their_order_is_nothing(scores, rows, shuffle: random.Random) -> None:
    numbered = [
        {**r, "sample": f"q{i}", "value": r["value"] if r["status"] == "scored" else None} for i, r in enumerate(rows)
    ]
    found = summarise(scores(numbered))
    assert sum(s.scored + s.unscored + s.skipped for s in found) == len(rows)
    for s in found:
        assert s.n == s.scored
        if s.mean is not None:
            assert s.low <= s.mean <= s.high
            assert s.low < s.high
            assert s.coverage_low <= s.mean + 1e-12
            assert s.mean <= s.coverage_high + 1e-12
    shuffle.shuffle(numbered)
    again = summarise(scores(numbered))
    assert sorted(again, key=lambda s: s.candidate) == sorted(found, key=lambda s: s.candidate)


def test_the_interval_rests_on_clusters_where_samples_share_one(scores) -> None:
    alike = [{"value": float(n % 4 < 3), "cluster": f"world {n % 4}"} for n in range(80)]
    alone = [{"value": row["value"]} for row in alike]
    [together], [apart] = summarise(scores(alike)), summarise(scores(alone))
    assert (together.n, together.clusters, together.mean) == (80, 4, 0.75)
    assert together.method == "Wilson, 4 clusters" and apart.method == "Wilson"
    assert together.high - together.low > 2 * (apart.high - apart.low)
