"""`evalkit score FILE --metric loft:retrieval`: LOFT's retrieval metrics on rows made elsewhere.

The same numbers as LOFT's evaluator, wherever it gives any; see `graders/match/rows.py` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.jsonl import place, shown

from ..match.rows import Row, aggregate, joined, score_folder, score_rows
from . import measures

K = (1, 2, 3, 5)
"""LOFT's cut-offs."""


def retrieval(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """recall@k and mrecall@k for LOFT's four cut-offs and capped_recall@1 of each turn; one gold passage a turn."""
    for number, row in enumerate(rows, 1):
        metadata = row.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise DataError(f"{place(row, number)}: 'metadata' must be an object, not {shown(metadata)}")
        if metadata.get("candidate_path"):
            reason = "metadata.candidate_path (comparison by text instead of id) comes with a later version"
            yield {"id": row.get("id", ""), "status": "unscored", "metrics": [], "reason": reason}
        else:
            yield from score_rows([row], _measure, lambda gold, turn: [gold[turn]], first=number)


def _measure(gold: Any, output: Any) -> dict[str, float]:
    wanted = [_gold_id(pair) for pair in gold]
    if not wanted:
        raise ValueError("there are none")
    found = [str(value).strip() for value in output]
    return {
        **{f"recall@{k}": measures.recall(wanted, found, k) for k in K},
        **{f"mrecall@{k}": measures.mrecall(wanted, found, k) for k in K},
        "capped_recall@1": measures.capped_recall(wanted, found, 1),
    }


def _gold_id(pair: Any) -> str:
    if not isinstance(pair[0], str) or not isinstance(pair[1], int):
        raise ValueError(f"{pair!r} is not [passage id, whole number]")
    return pair[0].strip()


METRICS: dict[str, Callable[[Iterable[Row]], Iterator[dict[str, Any]]]] = {"loft:retrieval": retrieval}
"""Metrics by the name that `--metric` takes."""


def score_examples(folder: Path, task_type: str = "retrieval") -> dict[str, Any]:
    """LOFT's summary of a folder with queries.jsonl and preds.jsonl."""
    return score_folder(folder, METRICS[f"loft:{task_type}"])


__all__ = ["METRICS", "K", "aggregate", "joined", "retrieval", "score_examples"]
