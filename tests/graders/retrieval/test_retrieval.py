"""Retrieved documents: the three measures, the grader around them, and agreement with LOFT's evaluator."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from evalkit.graders.retrieval import measures, score
from evalkit.graders.retrieval.grader import Retrieval
from hypothesis import given
from hypothesis import strategies as st

from evalkit.config import validate
from evalkit.errors import ConfigError
from evalkit.privileged import Privileged, grading
from evalkit.protocols import GradeItem
from evalkit.records import Answer, Grade, Sample

IDS = st.lists(st.sampled_from([f"d{n}" for n in range(8)]), min_size=1, max_size=8)


def grade(gold: list[str], found: list[Any], **options: Any) -> Grade:
    grader = Retrieval(validate(Retrieval.Options, options, where="retrieval"))
    with grading("retrieval", grader.needs) as context:
        reference = context.open(Privileged("s", answers=gold))
        return grader.read(GradeItem(Sample(id="s", question=("q",)), Answer(value=found), reference))


def test_the_measures_by_hand() -> None:
    gold, found = ["a", "b", "c"], ["a", "x", "b", "y", "c"]
    assert [measures.recall(gold, found, k) for k in (1, 3, 5)] == pytest.approx([1 / 3, 2 / 3, 1])
    assert [measures.capped_recall(gold, found, k) for k in (1, 2, 3)] == pytest.approx([1, 1 / 2, 2 / 3])
    assert [measures.mrecall(gold, found, k) for k in (1, 2, 3, 5)] == [1, 0, 0, 1]
    assert measures.mrecall(["a", "b"], ["b", "a", "x"], 2) == 1.0
    assert measures.mrecall(["a"], [], 1) == 0.0


@given(gold=IDS, found=IDS, k=st.integers(1, 9))
def test_measures_agree_with_one_another(gold: list[str], found: list[str], k: int) -> None:
    gold, found = list(dict.fromkeys(gold)), list(dict.fromkeys(found))
    recall, capped = measures.recall(gold, found, k), measures.capped_recall(gold, found, k)
    assert 0 <= recall <= capped <= 1
    assert (measures.mrecall(gold, found, k) == 1.0) == (capped == 1.0)
    assert recall <= measures.recall(gold, found, k + 1)
    assert recall == measures.recall(gold[::-1], found, k)
    assert measures.recall(gold, [*gold, *found], len(gold)) == 1.0


def test_the_primary_metric_is_the_grade() -> None:
    assert grade(["a", "b"], ["a", "b"]).value == 0.5
    assert grade(["a", "b"], ["a", "b"], primary="mrecall@2").value == 1.0
    assert grade(["a"], ["x"] * 9 + ["a"], k=[10], primary="recall@10", scorer="compat").value == 1.0
    assert grade(["a"], []).value == 0.0


def test_a_repeated_id_counts_once_in_strict_and_wastes_a_place_in_compat() -> None:
    assert grade(["a", "b"], ["a", "a", "b"], primary="mrecall@2").value == 1.0
    assert grade(["a", "b"], ["a", "a", "b"], primary="mrecall@2", scorer="compat").value == 0.0


def test_all_metrics_are_named_the_primary_one_first() -> None:
    grader = Retrieval(Retrieval.Options(primary="mrecall@2", k=(1, 2)))
    assert grader.metrics == ("mrecall@2", "recall@1", "recall@2", "mrecall@1", "capped_recall@1", "capped_recall@2")
    assert (
        set(grade(["a"], ["a"], primary="mrecall@2", k=[1, 2]).metrics)
        == set(grader.metrics)
        == set(grader.zero("").metrics)
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"primary": "recal@1"}, r"no metric 'recal@1' with k = \[1, 2, 3, 5\]; did you mean 'recall@1'"),
        ({"primary": "recall@10"}, r"no metric 'recall@10'"),
        ({"k": [0, 1]}, r"cut-offs of at least 1"),
        ({"k": []}, r"k"),
        ({"kk": [1]}, r"unknown key 'kk'; did you mean 'k'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        validate(Retrieval.Options, options, where="retrieval")


def test_every_row_that_loft_can_score_agrees(shared_data: Path) -> None:
    path = shared_data / "oracles/loft_metrics/retrieval.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    results = list(score.retrieval(rows))
    assert [r["id"] for r in results] == [r["id"] for r in rows]
    compared = 0
    for row, result in zip(rows, results, strict=True):
        if "error" in row:
            assert result["status"] in {"missing", "unscored"}
            continue
        assert result["status"] == "scored"
        for expected, found in zip(row["expected"], result["metrics"], strict=True):
            assert list(found) == list(expected)  # LOFT's names in LOFT's order
            wanted = {**expected, "qid": row["id"]}
            numbers = set(wanted) - {"qid", "turn_id"}
            assert all(found[k] == wanted[k] for k in wanted if k not in numbers), row
            assert all(math.isclose(found[k], wanted[k], abs_tol=1e-12) for k in numbers), row
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("folder", ["retrieval_nq", "retrieval_quest"])
def test_loft_s_example_sets_reproduce_exactly_without_repair(shared_data: Path, folder: str) -> None:
    """LOFT's own evaluator crashes on both as shipped, for want of `metadata` in the predictions."""
    examples = shared_data / "oracles/loft_examples"
    expected = json.loads((examples / "expected.json").read_text(encoding="utf-8"))["tasks"][folder]
    assert score.score_examples(examples / folder) == expected["aggregate"]


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"gold_answers": [["d", 1]], "model_outputs": []}, "missing"),
        ({"gold_answers": [["d", 1]], "model_outputs": [None]}, "missing"),
        ({"gold_answers": [["d", 1], ["e", 1]], "model_outputs": [["d"]], "num_turns": 2}, "missing"),
        ({"gold_answers": [["d", "1"]], "model_outputs": [["d"]]}, "unscored"),
        ({"gold_answers": [[1, 1]], "model_outputs": [["d"]]}, "unscored"),
        ({"gold_answers": ["d"], "model_outputs": [["d"]]}, "unscored"),
        ({"gold_answers": [], "model_outputs": [["d"]]}, "unscored"),
        ({"gold_answers": [["d", 1]], "model_outputs": [["d"]], "metadata": {"candidate_path": "c"}}, "unscored"),
        ({"gold_answers": [["d", 1]], "model_outputs": [["d"]], "metadata": None}, "scored"),
    ],
)
def test_what_crashes_loft_is_missing_or_unscored(row: dict[str, Any], status: str) -> None:
    (result,) = score.retrieval([{"id": "r", "num_turns": 1, "metadata": {}, **row}])
    assert result["status"] == status
    assert bool(result["metrics"]) == (status != "unscored")


def test_an_unanswered_question_counts_as_zero(tmp_path: Path) -> None:
    queries = [{"qid": q, "query_text": "?", "answers": [["d", 1]]} for q in "ab"]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries), encoding="utf-8")
    prediction = {"qid": "b", "num_turns": 1, "model_outputs": [["d"]]}
    (tmp_path / "preds.jsonl").write_text(json.dumps(prediction), encoding="utf-8")
    summary = score.score_examples(tmp_path)
    assert summary["num_unanswered_queries"] == 1
    assert set(summary["quality"].values()) == {0.5}
