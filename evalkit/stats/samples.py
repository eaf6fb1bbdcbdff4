"""From rows to one value per sample: the step before every mean.

The scores table has one row for each sample x candidate x adapter x grader x metric x draw. Draws of one sample are no
independent samples, so they are averaged first. What has no value is never dropped: `skipped` (never asked) is counted
apart, and everything else that a grader could not judge widens the bounds `worst` and `best` (as if 0, as if 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from evalkit.errors import DataError, nearest
from evalkit.stats.intervals import Floats

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "candidate", "adapter", "task", "sample", "cluster", "draw", "grader", "metric", "primary", "value", "status",
    "answer", "length", "tags", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds",
)
"""Columns of a scores table."""
STATUSES = ("scored", "unscored", "abstained", "error", "skipped")
ANSWERS = ("answered", "unparsed", "truncated", "refused", "missing", "error", "skipped")


class Samples(msgspec.Struct, frozen=True):
    """One metric of one candidate on one task: an entry per sample that was asked, sorted by id."""

    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    means: Floats
    """Mean over the scored draws; NaN where no draw was scored."""
    worst: Floats
    """Mean over all draws, those without a score as 0."""
    best: Floats
    """Mean over all draws, those without a score as 1."""


def checked(scores: pa.Table) -> pa.Table:
    """The table itself, if it is one of scores. Raises DataError for a missing column, an unknown status or answer."""
    import pyarrow.compute as pc

    for name in COLUMNS:
        if name not in scores.column_names:
            raise DataError(f"the scores table has no column {name!r}{nearest(name, scores.column_names)}")
    for name, valid in (("status", STATUSES), ("answer", ANSWERS)):
        for value in pc.unique(scores[name]).to_pylist():
            if value not in valid:
                raise DataError(f"the scores table has the {name} {value!r}{nearest(str(value), valid)}")
    values = pc.filter(scores["value"], pc.equal(scores["status"], "scored")).drop_null()
    if len(values) and not pc.all(pc.and_(pc.greater_equal(values, 0.0), pc.less_equal(values, 1.0))).as_py():
        raise DataError("the scores table has values outside [0, 1]")
    return scores


def groups(scores: pa.Table, keys: Sequence[str]) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Rows that agree in all `keys`, group by group, in the order in which groups first appear."""
    import pyarrow as pa

    numbered = scores.append_column("_row", pa.array(np.arange(scores.num_rows)))
    found = numbered.group_by(list(keys), use_threads=False).aggregate([("_row", "list"), ("_row", "min")])
    for entry in found.sort_by("_row_min").to_pylist():
        yield {key: entry[key] for key in keys}, scores.take(pa.array(entry["_row_list"]))


def per_sample(rows: pa.Table) -> Samples:
    """One entry per sample of one group of rows; skipped rows left out, draws averaged.

    The result does not depend on the order of rows. Raises DataError where a sample has the same draw twice.
    """
    import pyarrow.compute as pc

    rows = rows.filter(pc.not_equal(rows["status"], "skipped"))
    rows = rows.sort_by([("sample", "ascending"), ("draw", "ascending")])
    names = rows["sample"].to_pylist()
    draws = rows["draw"].to_pylist()
    for i in range(1, len(names)):
        if names[i] == names[i - 1] and draws[i] == draws[i - 1]:
            where = ", ".join(f"{name} {rows[name][i].as_py()!r}" for name in ("task", "candidate", "metric", "draw"))
            raise DataError(f"the scores table has sample {names[i]!r} twice ({where})")
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    all_clusters = rows["cluster"].to_pylist()
    values = _scored_values(rows)
    known = ~np.isnan(values)
    if not starts:
        empty = np.empty(0)
        return Samples((), (), empty, empty, empty)
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    count = np.add.reduceat(known.astype(float), starts)
    asked = np.diff([*starts, len(names)]).astype(float)
    means = np.divide(total, count, out=np.full(len(starts), np.nan), where=count > 0)
    return Samples(
        ids=tuple(names[i] for i in starts),
        clusters=tuple(all_clusters[i] or "" for i in starts),
        means=means,
        worst=total / asked,
        best=(total + asked - count) / asked,
    )


def _scored_values(rows: pa.Table) -> Floats:
    """The values, NaN where a grader gave none (a scored row without a value lacks just this metric)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pc.if_else(pc.equal(rows["status"], "scored"), rows["value"], pa.scalar(None, pa.float64()))
    found: Floats = pc.fill_null(values, float("nan")).to_numpy()
    return found


__all__ = ["ANSWERS", "COLUMNS", "STATUSES", "Samples", "checked", "groups", "per_sample"]
