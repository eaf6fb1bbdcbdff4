"""Scoring rows without a run: agreement with LOFT's evaluator, and what happens where it crashes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from evalkit.graders.match import score
from evalkit.graders.match.rows import aggregate, joined

from evalkit.errors import DataError


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["rag", "multi_value_rag"])
def test_every_row_that_loft_can_score_agrees(shared_data: Path, name: str) -> None:
    rows = rows_of(shared_data / f"oracles/loft_metrics/{name}.jsonl")
    results = list(score.METRICS[f"loft:{name}"](rows))
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


@pytest.mark.parametrize(("folder", "kind"), [("rag_nq", "rag"), ("rag_quest", "multi_value_rag")])
def test_loft_s_example_sets_reproduce_exactly(shared_data: Path, folder: str, kind: str) -> None:
    examples = shared_data / "oracles/loft_examples"
    expected = json.loads((examples / "expected.json").read_text(encoding="utf-8"))["tasks"][folder]
    assert score.score_examples(examples / folder, kind) == expected["aggregate"]


def one(metric: str, **row: Any) -> dict[str, Any]:
    (result,) = score.METRICS[metric]([{"id": "r", "num_turns": 1, "metadata": {}, **row}])
    return result


ZERO = {"em": 0.0, "subspan_em": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("row", "status", "turns"),
    [
        ({"gold_answers": ["x"], "model_outputs": []}, "missing", 1),
        ({"gold_answers": ["x"], "model_outputs": [None]}, "missing", 1),
        ({"gold_answers": ["x"], "model_outputs": [7]}, "missing", 1),
        ({"gold_answers": ["x"]}, "missing", 1),
        ({"gold_answers": [["x"], ["y"]], "model_outputs": [], "num_turns": 2}, "missing", 2),
        ({"gold_answers": [], "model_outputs": [["x"]]}, "unscored", 0),
        ({"gold_answers": [7], "model_outputs": [["x"]]}, "unscored", 0),
        ({"model_outputs": [["x"]]}, "unscored", 0),
        ({"gold_answers": [["x"]], "model_outputs": [["x"], ["x"]], "num_turns": 2}, "unscored", 0),
        ({"gold_answers": ["x"], "model_outputs": [["x"]], "num_turns": "1"}, "unscored", 0),
        ({"gold_answers": ["x"], "model_outputs": [["x"]], "num_turns": 0}, "unscored", 0),
        ({"gold_answers": ["x"], "model_outputs": None}, "missing", 1),
    ],
)
def test_what_crashes_loft_is_missing_or_unscored(row: dict[str, Any], status: str, turns: int) -> None:
    result = one("loft:rag", **row)
    assert (result["status"], len(result["metrics"])) == (status, turns)
    assert result["metrics"] == [{"qid": "r", "turn_id": str(turn), **ZERO} for turn in range(turns)]
    assert ("reason" in result) == (status == "unscored")


@pytest.mark.parametrize("outputs", [7, "x", {"0": ["x"]}, True])
@pytest.mark.parametrize("metric", ["loft:rag", "loft:multi_value_rag"])
def test_outputs_of_the_wrong_type_are_no_missing_answer_but_a_broken_row(metric: str, outputs: Any) -> None:
    with pytest.raises(DataError, match=r"row 1: 'model_outputs' must be a list with one output for each turn, not"):
        one(metric, gold_answers=["x"], model_outputs=outputs)


def test_a_row_that_holds_neither_side_is_refused() -> None:
    with pytest.raises(DataError, match="row 1: neither 'gold_answers' nor 'model_outputs' in it; did you mean"):
        one("loft:rag", model_output=["x"])


def test_only_the_turns_without_output_are_zero() -> None:
    result = one("loft:rag", gold_answers=[["a1"], ["b1"]], model_outputs=[["a1"]], num_turns=2)
    assert result["status"] == "missing"
    assert [m["em"] for m in result["metrics"]] == [1.0, 0.0]


def test_scoring_twice_gives_the_same() -> None:
    """LOFT's evaluators are singletons whose sums grow from call to call."""
    row = {"id": "r", "gold_answers": ["x"], "model_outputs": [["x"]], "num_turns": 1}
    assert aggregate(score.rag([row])) == aggregate(score.rag([row])) == {"em": 1.0, "subspan_em": 1.0, "f1": 1.0}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def test_unanswered_questions_count_as_zero(tmp_path: Path) -> None:
    write(
        tmp_path / "queries.jsonl",
        {"qid": "a", "query_text": "?", "answers": ["x"]},
        {"qid": "b", "query_text": "?", "answers": ["x"]},
        {"qid": "c", "query_text": ["?", "?"], "answers": [["x"], ["y"]]},
    )
    write(tmp_path / "preds.jsonl", {"qid": "b", "num_turns": 1, "model_outputs": [["x"]]})
    assert score.score_examples(tmp_path, "rag") == {
        "quality": {"em": 0.25, "subspan_em": 0.25, "f1": 0.25},
        "num_unanswered_queries": 2,
    }


def test_a_prediction_cannot_lower_its_number_of_turns(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", {"qid": "c", "query_text": ["?", "?"], "answers": [["x"], ["y"]]})
    write(tmp_path / "preds.jsonl", {"qid": "c", "num_turns": 1, "model_outputs": [["x"]]})
    (result,) = score.rag(joined(tmp_path / "queries.jsonl", tmp_path / "preds.jsonl"))
    assert [m["em"] for m in result["metrics"]] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        (['{"qid": "a"'], r"preds.jsonl, line 1: not JSON"),
        ([{"model_outputs": [["x"]]}], r"preds.jsonl, line 1: no 'qid'; valid: model_outputs"),
        ([{"qid": 7}], r"preds.jsonl, line 1: 'qid' must be a text, not a number"),
        ([{"qid": "a", "model_outputs": "x"}], r"""line 1: 'model_outputs' must be a list .*, not "x\""""),
        ([], r"preds.jsonl: there are no predictions in it"),
        ([{"qid": "a"}, {"qid": "a"}], r"line 2: there are two predictions for 'a'"),
        ([{"qid": "aa"}], r"there is no question 'aa' .*; did you mean 'a'"),
        (None, r"no file .*preds.jsonl'; did you mean 'pred.jsonl'"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, predictions: list[Any] | None, sentence: str) -> None:
    write(tmp_path / "queries.jsonl", {"qid": "a", "query_text": "?", "answers": ["x"]})
    write(tmp_path / ("preds.jsonl" if predictions is not None else "pred.jsonl"), *(predictions or []))
    with pytest.raises(DataError, match=sentence):
        score.score_examples(tmp_path, "rag")
