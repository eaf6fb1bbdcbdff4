"""Scoring rows that are already predictions: rules only, no run, no store (`evalkit score`).

Rule metrics live in the graders' folders: a module `score.py` with `METRICS`, a mapping of metric name to a function
from rows to result rows, in order. Where queries and predictions come in two files, the same module's `joined` makes
rows of them. Here metrics are found by name, and rows are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from evalkit import jsonl
from evalkit.catalogue import Catalogue
from evalkit.errors import ConfigError, DataError, nearest

Metric = Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]


def metric(name: str, catalogue: Catalogue) -> Metric:
    """One rule metric. Raises ConfigError with the nearest name."""
    function: Metric = _module(name, catalogue).METRICS[name]
    return function


def join(queries: Path, predictions: Path, name: str, catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Rows of a query file and a prediction file, for metrics that know such files; ConfigError for the others."""
    module = _module(name, catalogue)
    if not hasattr(module, "joined"):
        raise ConfigError(f"metric {name!r} takes rows that hold both sides: leave --queries out")
    rows: Iterator[dict[str, Any]] = module.joined(queries, predictions)
    return rows


def _module(name: str, catalogue: Catalogue) -> ModuleType:
    """The `score` module that has a metric, the first in the catalogue's order."""
    found: dict[str, ModuleType] = {}
    for entry in catalogue.entries("graders"):
        module = catalogue.module(entry, "score")
        if module is not None:
            for each in getattr(module, "METRICS", {}):
                found.setdefault(each, module)
    if name not in found:
        raise ConfigError(f"no metric {name!r}{nearest(name, found)}")
    return found[name]


def read_rows(path: Path) -> Iterator[jsonl.Row]:
    """Rows of a JSONL file. Raises DataError for a file that has none, and with the line for one that is no object."""
    row = None
    for row in jsonl.rows(path):
        yield row
    if row is None:
        raise DataError(f"{path}: there are no rows in it")


def mean_metrics(results: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, int]]:
    """Mean and count of every metric over all per-turn rows that have it, as LOFT aggregates."""
    sums: dict[str, tuple[float, int]] = {}
    for result in results:
        for turn in result.get("metrics", ()):
            for name, value in turn.items():
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    total, count = sums.get(name, (0.0, 0))
                    sums[name] = (total + value, count + 1)
    return {name: (total / count, count) for name, (total, count) in sums.items()}


__all__ = ["Metric", "join", "mean_metrics", "metric", "read_rows"]
