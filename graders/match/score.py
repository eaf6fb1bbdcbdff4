"""`evalkit score FILE --metric loft:rag|loft:multi_value_rag`: LOFT's text metrics on rows made elsewhere.

Bit for bit what LOFT's evaluator gives, wherever it gives anything; see `rows.py` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from . import compat
from .rows import Row, aggregate, joined, score_folder, score_rows


def rag(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """One gold answer with aliases for each turn: em, subspan_em, f1 of each turn's first prediction."""
    return score_rows(rows, lambda gold, out: compat.single(gold, [str(o) for o in out]), lambda gold, turn: gold[turn])


def multi_value_rag(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Several gold answers, one turn: em, coverage, subspan_em. Turns after the first are left out, as LOFT does."""
    return score_rows(
        rows, lambda gold, out: compat.several(gold, [str(o) for o in out]), lambda gold, _: gold, single=True
    )


METRICS: dict[str, Callable[[Iterable[Row]], Iterator[dict[str, Any]]]] = {
    "loft:rag": rag,
    "loft:multi_value_rag": multi_value_rag,
}
"""Metrics by the name that `--metric` takes."""


def score_examples(folder: Path, task_type: str) -> dict[str, Any]:
    """LOFT's summary of a folder with queries.jsonl and preds.jsonl; `task_type` is rag or multi_value_rag."""
    return score_folder(folder, METRICS[f"loft:{task_type}"])


__all__ = ["METRICS", "aggregate", "joined", "multi_value_rag", "rag", "score_examples"]
