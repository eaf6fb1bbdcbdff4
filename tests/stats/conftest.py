"""Scores tables for the tests of statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

SCHEMA = pa.schema(
    [
        ("candidate", pa.string()), ("adapter", pa.string()), ("task", pa.string()), ("sample", pa.string()),
        ("cluster", pa.string()), ("draw", pa.int64()), ("grader", pa.string()), ("metric", pa.string()),
        ("primary", pa.bool_()), ("value", pa.float64()), ("status", pa.string()), ("answer", pa.string()),
        ("length", pa.int64()), ("tags", pa.string()), ("prompt_tokens", pa.int64()), ("cached_tokens", pa.int64()),
        ("completion_tokens", pa.int64()), ("seconds", pa.float64()),
    ]
)  # fmt: skip
DEFAULTS = {
    "candidate": "small", "adapter": "none", "task": "town/rag@1k", "cluster": "", "draw": 0, "grader": "match",
    "metric": "em", "primary": True, "status": "scored", "answer": "answered", "length": 1000, "tags": "{}",
    "prompt_tokens": 100, "cached_tokens": 90, "completion_tokens": 10, "seconds": 0.5,
}  # fmt: skip

Table = Callable[[Sequence[Mapping[str, Any]]], pa.Table]


@pytest.fixture(scope="session")
def scores() -> Table:
    """Makes a scores table of rows that name only what matters; `value` None is an unscored answer."""

    def make(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        full = []
        for i, row in enumerate(rows):
            status = "scored" if row.get("value") is not None else "unscored"
            full.append({**DEFAULTS, "sample": f"q{i}", "status": status, "value": None, **row})
        return pa.Table.from_pylist(full, schema=SCHEMA)

    return make
