"""Rows to score without a run: LOFT's queries joined with predictions, turn by turn, and LOFT's mean over all turns.

A row is `{"id", "gold_answers", "model_outputs", "num_turns", "metadata"}`, with one output for each turn. What LOFT's
evaluator crashes on is told apart here: a turn without output scores 0 (row status `missing`), gold answers that cannot
be compared leave the row `unscored`, with a reason and no metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.errors import DataError, nearest

Row = Mapping[str, Any]
Measure = Callable[[Any, Any], dict[str, float]]
"""Gold answers and the output of one turn to metrics; raises for gold that is no gold."""

BROKEN_GOLD = (TypeError, ValueError, ZeroDivisionError, IndexError, AttributeError, KeyError)


def score_rows(rows: Iterable[Row], measure: Measure, turn_gold: Callable[[Any, int], Any]) -> Iterator[dict[str, Any]]:
    """One result for each row, in order: `{"id", "status", "metrics": [one dict for each turn]}`.

    `turn_gold` takes the gold of one turn out of the gold of a row of several turns.
    """
    for number, row in enumerate(rows):
        result: dict[str, Any] = {"id": row.get("id", str(number)), "status": "scored", "metrics": []}
        turns, outputs = row.get("num_turns", 1), row.get("model_outputs")
        if not isinstance(turns, int):
            yield {**result, "status": "unscored", "reason": f"num_turns must be a whole number, not {turns!r}"}
            continue
        outputs = outputs if isinstance(outputs, (list, str)) else []
        try:
            for turn in range(turns):
                gold = row["gold_answers"] if turns == 1 else turn_gold(row["gold_answers"], turn)
                output = outputs[turn] if turn < len(outputs) else None
                if not _iterable(output):
                    result["status"], output = "missing", []
                result["metrics"].append(measure(gold, output))
        except BROKEN_GOLD as error:
            result.update(status="unscored", metrics=[], reason=f"gold answers cannot be compared: {error}")
        yield result


def joined(queries: Path, predictions: Path) -> Iterator[dict[str, Any]]:
    """Rows of LOFT's query file and a prediction file, in the order of the queries.

    A question without prediction is there all the same, without outputs. The number of turns is the question's own, not
    the prediction's. Raises DataError for files that are broken or do not belong together.
    """
    found: dict[str, Row] = {}
    for where, line in _lines(predictions):
        if line["qid"] in found:
            raise DataError(f"{where}: there are two predictions for {line['qid']!r}")
        found[line["qid"]] = line
    asked = {line["qid"]: line for _, line in _lines(queries)}
    for qid in found:
        if qid not in asked:
            raise DataError(f"{predictions}: there is no question {qid!r} in {queries}{nearest(qid, list(asked)[:99])}")
    for qid, query in asked.items():
        if "answers" not in query:
            raise DataError(f"{queries}: question {qid!r} has no answers")
        text = query.get("query_text")
        yield {
            "id": qid,
            "gold_answers": query["answers"],
            "model_outputs": found.get(qid, {}).get("model_outputs", []),
            "num_turns": len(text) if isinstance(text, list) else 1,
            "metadata": found.get(qid, {}).get("metadata") or {},
        }


def aggregate(results: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Mean of every metric over all turns that have it, as LOFT aggregates (numpy's mean, for the last bit)."""
    import numpy as np

    values: dict[str, list[float]] = {}
    for result in results:
        for metrics in result["metrics"]:
            for name, value in metrics.items():
                values.setdefault(name, []).append(value)
    return {name: float(np.mean(column)) for name, column in values.items()}


def score_folder(folder: Path, metric: Callable[[Iterable[Row]], Iterator[dict[str, Any]]]) -> dict[str, Any]:
    """LOFT's summary of a folder with `queries.jsonl` and `preds.jsonl`: mean metrics, and how many went unanswered."""
    rows = list(joined(folder / "queries.jsonl", folder / "preds.jsonl"))
    unanswered = sum(not row["model_outputs"] for row in rows)
    return {"quality": aggregate(metric(rows)), "num_unanswered_queries": unanswered}


def _iterable(output: Any) -> bool:
    """Whether LOFT could go through an output: a list, but also a string (by character) and an object (by key)."""
    return isinstance(output, (list, tuple, str, dict))


def _lines(path: Path) -> Iterator[tuple[str, Row]]:
    if not path.is_file():
        siblings: Sequence[str] = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path} is missing{nearest(path.name, siblings)}")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON: {error}") from None
            if not isinstance(row, dict) or not isinstance(row.get("qid"), str):
                raise DataError(f"{where}: must be an object with a string qid")
            yield where, row


__all__ = ["Measure", "Row", "aggregate", "joined", "score_folder", "score_rows"]
