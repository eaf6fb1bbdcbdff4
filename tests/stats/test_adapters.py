"""Every adapter beside the bare candidate: which pairs are made, and what is left out of them."""

from __future__ import annotations

import pytest

from evalkit.stats.adapters import adapter_worths
from evalkit.stats.paired import paired_difference


def rows(adapter, values, **more):
    return [{"adapter": adapter, "sample": f"q{i}", "value": v, "cluster": f"c{i // 2}", **more} for i, v in values]


def test_each_adapter_task_and_grader_is_compared_by_its_primary_metric(scores) -> None:
    bare, tuned = [(i, 0.0) for i in range(8)], [(i, float(i < 6)) for i in range(8)]
    table = scores(
        [
            row
            for task in ("town/rag@1k", "town/rag@2k")
            for grader in ("match", "math")
            for metric, primary in (("em", True), ("f1", False))
            for adapter, values in (("none", bare), ("lora:x", tuned), ("lora:y", bare))
            for row in rows(adapter, values, task=task, grader=grader, metric=metric, primary=primary)
        ]
    )
    found = adapter_worths(table)
    assert [(w.task, w.grader, w.adapter) for w in found] == [
        (task, grader, adapter)
        for task in ("town/rag@1k", "town/rag@2k")
        for grader in ("match", "math")
        for adapter in ("lora:x", "lora:y")
    ]
    assert {w.metric for w in found} == {"em"}
    worth = found[0]
    expected = paired_difference(
        table, "small", "small", task="town/rag@1k", grader="match", adapters=("lora:x", "none")
    )
    assert worth.paired == expected
    assert (expected.difference, expected.wins, expected.losses, expected.clusters) == (0.75, 6, 0, 4)


def test_candidates_without_adapters_have_nothing_to_compare(scores) -> None:
    assert adapter_worths(scores(rows("none", [(0, 1.0), (1, 0.0)]))) == []
    assert adapter_worths(scores([]).slice(0, 0)) == []


def test_samples_of_one_side_only_are_counted_and_not_compared(scores) -> None:
    bare = rows("none", [(i, 0.0) for i in range(10)])
    tuned = [*rows("lora:x", [(i, 1.0) for i in range(4)]),
             *rows("lora:x", [(4, None)], status="skipped", answer="skipped")]  # fmt: skip
    (worth,) = adapter_worths(scores([*bare, *tuned]))
    assert worth.paired is not None
    assert (worth.paired.n, worth.paired.difference, worth.alone) == (4, pytest.approx(1.0), 6)


def test_where_nothing_is_scored_on_both_sides_there_is_no_difference(scores) -> None:
    apart = scores([*rows("none", [(0, 1.0)]), *rows("lora:x", [(1, 1.0)])])
    unscored = scores([*rows("none", [(0, 1.0), (1, None)]), *rows("lora:x", [(0, None), (1, 1.0)])])
    for table, alone in ((apart, 2), (unscored, 0), (scores(rows("lora:x", [(0, 1.0)])), 1)):
        (worth,) = adapter_worths(table)
        assert worth.paired is None and worth.alone == alone
