"""What `evalkit score --metric math` runs: rows with a gold and an answer in, verdicts out, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from evalkit.errors import DataError
from evalkit.jsonl import kind, place

from .compare import compare_pairs


def score_rows(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """`{"id", "status": "equal|unequal|undecided", "rung", "seconds"}` for each row `{"id", "gold", "pred"}`, in order.

    Raises DataError naming the row that lacks a field or holds something else than text in `gold` or `pred`.
    """
    ids: deque[Any] = deque()

    def checked() -> Iterator[tuple[str, str]]:
        for number, row in enumerate(rows, 1):
            for field in ("id", "gold", "pred"):
                if field not in row:
                    raise DataError(f"{place(row, number)}: no {field!r}: metric 'math' needs id, gold and pred")
                if field != "id" and not isinstance(row[field], str):
                    raise DataError(f"{place(row, number)}: {field!r} must be a text, not {kind(row[field])}")
            ids.append(row["id"])
            yield row["gold"], row["pred"]

    for found in compare_pairs(checked()):
        yield {"id": ids.popleft(), "status": found.status, "rung": found.rung, "seconds": round(found.seconds, 6)}


METRICS: dict[str, Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]] = {"math": score_rows}
