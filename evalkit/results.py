"""What a run directory holds, read back: the scores table and the summaries made from it.

Reading never locks and never writes, so a report can be made while the run goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from evalkit.catalogue import parse_address
from evalkit.errors import ConfigError
from evalkit.store import unpack

if TYPE_CHECKING:
    import pyarrow as pa

    from evalkit.stats.summary import Summary

_GRADES = """
SELECT c.name, t.name, s.id, s.cluster, s.tags, g.draw, n.name, g.answer_status, g.status, g.value, g.body,
    (SELECT TOTAL(prompt_tokens) FROM completion r WHERE {place}),
    (SELECT TOTAL(cached_tokens) FROM completion r WHERE {place}),
    (SELECT TOTAL(completion_tokens) FROM completion r WHERE {place}),
    (SELECT TOTAL(seconds) FROM completion r WHERE {place})
FROM grade g JOIN name c ON c.id = g.candidate JOIN name t ON t.id = g.task JOIN name n ON n.id = g.grader
JOIN sample s ON s.task = g.task AND s.ordinal = g.ordinal
ORDER BY g.candidate, g.task, g.ordinal, g.draw, g.grader
""".format(place="r.candidate=g.candidate AND r.task=g.task AND r.ordinal=g.ordinal AND r.draw=g.draw")

_GRADERS = "SELECT name, detail FROM name WHERE kind = 'grader'"

_SKIPPED = """
SELECT c.name, t.name, s.id, s.cluster, s.tags, k.draw FROM skipped k
JOIN name c ON c.id = k.candidate JOIN name t ON t.id = k.task JOIN sample s ON s.task = k.task AND s.ordinal = k.ordinal
ORDER BY k.candidate, k.task, k.ordinal, k.draw
"""


class Run:
    """A run directory, for reading."""

    def __init__(self, folder: Path | str, *, errors: int = 0) -> None:
        """Raises ConfigError where there is no run."""
        self.folder = Path(folder)
        self.errors = errors
        """Samples that ended in an error in the session that made this object; resuming asks them again."""
        if not (self.folder / "run.yaml").is_file() or not (self.folder / "run.db").is_file():
            raise ConfigError(f"{str(folder)!r} is not a run directory: it has no run.yaml and run.db")

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The content of run.yaml: config, versions, fingerprints, digests."""
        loaded: Mapping[str, Any] = yaml.safe_load((self.folder / "run.yaml").read_text(encoding="utf-8"))
        return loaded

    def scores(self) -> pa.Table:
        """One row for each sample x candidate x adapter x grader x metric x draw; columns as in docs/architecture.md."""
        import pyarrow as pa

        columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA}
        for row in self._rows():
            for name, value in zip(_SCHEMA, row, strict=True):
                columns[name].append(value)
        schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _SCHEMA.items()])
        return pa.table(columns, schema=schema)

    def summary(self, by: Sequence[str] = ()) -> list[Summary]:
        """Means with intervals for each task, candidate, grader and metric; `by` splits further by tags."""
        from evalkit.stats.summary import summarise

        return summarise(self.scores(), by)

    def progress(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Samples graded (or skipped) and samples in all, by candidate and task: unequal where the run is unfinished."""
        with closing(self._connect()) as db:
            done = db.execute(
                "SELECT c.name, t.name, COUNT(DISTINCT x.ordinal) FROM (SELECT candidate, task, ordinal FROM grade UNION"
                " SELECT candidate, task, ordinal FROM skipped) x JOIN name c ON c.id = x.candidate"
                " JOIN name t ON t.id = x.task GROUP BY x.candidate, x.task"
            ).fetchall()
        totals = self.facts["samples"]
        return {(candidate, task): (count, totals[task]) for candidate, task, count in done}

    def prefill_efficiency(self) -> dict[str, float]:
        """By candidate: prompt tokens that had to be computed (each shared stretch once) / those that were; 1 is best.

        Candidates whose engine has no tokens are left out.
        """
        with closing(self._connect()) as db:
            rows = db.execute(
                "SELECT c.name, TOTAL(r.fresh_tokens), TOTAL(r.prompt_tokens - r.cached_tokens) FROM completion r"
                " JOIN name c ON c.id = r.candidate GROUP BY r.candidate"
            ).fetchall()
        return {name: fresh / computed for name, fresh, computed in rows if fresh and computed}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{(self.folder / 'run.db').resolve()}?mode=ro", uri=True, timeout=60)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        with closing(self._connect()) as db:
            metrics = {name: detail.split() for name, detail in db.execute(_GRADERS)}
            for row in db.execute(_GRADES):
                candidate, task, sample, cluster, tags, draw, name, answer, status, value, body = row[:11]
                prompt, cached, out, seconds = row[11:]
                grader = name.removeprefix(f"{task} ")
                numbers = msgspec.json.decode(unpack(body))["metrics"]
                length = parse_address(task).length
                cost = (int(prompt), int(cached), int(out), seconds)
                for i, metric in enumerate(metrics[name]):
                    number = numbers.get(metric, value if i == 0 else None) if status == "scored" else None
                    head = (candidate, "none", task, sample, cluster, draw, grader, metric, i == 0, number, status)
                    yield (*head, answer, length, tags, *cost)
                    cost = (0, 0, 0, 0.0)  # each token is counted once, with the primary metric
            for candidate, task, sample, cluster, tags, draw in db.execute(_SKIPPED):
                for name, names in metrics.items():
                    if name.startswith(f"{task} "):
                        for i, metric in enumerate(names):
                            grader = name.removeprefix(f"{task} ")
                            tail = (parse_address(task).length, tags, 0, 0, 0, 0.0)
                            yield (
                                candidate, "none", task, sample, cluster, draw, grader, metric, i == 0, None,
                                "skipped", "skipped", *tail,
                            )


_SCHEMA = {
    "candidate": "string", "adapter": "string", "task": "string", "sample": "string", "cluster": "string",
    "draw": "int64", "grader": "string", "metric": "string", "primary": "bool_", "value": "float64",
    "status": "string", "answer": "string", "length": "int64", "tags": "string", "prompt_tokens": "int64",
    "cached_tokens": "int64", "completion_tokens": "int64", "seconds": "float64",
}

__all__ = ["Run"]
