"""Scoring answers that were made elsewhere: a file of predictions becomes a run whose candidates are recordings.

In: JSONL, one answer a line, with the id of the sample it answers and a text. Several answers to one question are its
draws; a field of the lines may tell candidates apart. Out: the config of a run, so that answers made elsewhere are
graded by the same plan, engines and store as any, in batch and resumably.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import jsonl
from evalkit.assembly import build_task, stated_counter
from evalkit.catalogue import Catalogue
from evalkit.config import RunConfig, override, validate
from evalkit.errors import ConfigError, DataError, nearest
from evalkit.evaluation import run
from evalkit.observer import Observer
from evalkit.results import Run


class Predictions(msgspec.Struct, frozen=True):
    """What a file of predictions holds."""

    path: Path
    candidates: tuple[str, ...]
    """Values of the field that tells candidates apart, in order of appearance; one name where there is no field."""
    draws: int
    """Answers to each question; the same number for all."""
    ids: tuple[str, ...]
    """Samples that are answered, in order of appearance."""
    answered: frozenset[tuple[str, str]]
    """Candidates with the samples that they answer."""


def grade(
    predictions: Path | str,
    *,
    task: str,
    grader: str | Sequence[str],
    judge: str | None = None,
    id_field: str = "id",
    text_field: str = "text",
    by: str | None = None,
    limit: int | None = None,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    observer: Observer | None = None,
    tell: Callable[[str], None] = warnings.warn,
) -> Run:
    """Grade answers that were made elsewhere (`evalkit grade`): JSONL, an id and a text a line.

    `judge` is `ENGINE:MODEL`, for graders that ask a model; `by` names a field that tells candidates apart; several
    answers to one question are its draws; `overrides` change the run's config, as judges.0.options.max_model_len=8192.
    `tell` hears what is odd and no mistake. Raises UserError as `run`, and DataError for predictions that do not fit.
    """
    path = Path(predictions)
    graders = (grader,) if isinstance(grader, str) else tuple(grader)
    catalogue = catalogue or Catalogue()
    found = survey(path, id_field=id_field, by=by)
    config = grading_config(
        found, task, graders, judge=judge, id_field=id_field, text_field=text_field, by=by, overrides=overrides
    )
    counter = stated_counter(config, (), catalogue)
    items = build_task(config.tasks[0], config.seed, catalogue, counter).load()
    names = [sample.id for sample, _ in items]
    for remark in remarks(found, names, names[:limit], task) if names else ():
        tell(remark)
    return run(config, limit=limit, out=out, catalogue=catalogue, observer=observer)


def survey(path: Path, *, id_field: str = "id", by: str | None = None) -> Predictions:
    """Read a file of predictions once, for its ids. Raises DataError for lines without an id, and for uneven draws."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in jsonl.rows(path):
        for field in (id_field, by) if by else (id_field,):
            if field not in row:
                raise DataError(f"{row.where}: no field {field!r}{nearest(field, row)}")
        counts[str(row[by]) if by else _plain(path.stem), str(row[id_field])] += 1
    if not counts:
        raise DataError(f"{path}: there are no rows in it")
    draws = max(counts.values())
    for (candidate, name), count in counts.items():
        if count != draws:
            hint = "" if by else " (--by FIELD tells candidates apart)"
            raise DataError(
                f"{path}: {name!r} has {count:,} of {draws:,} answers of {candidate!r}{hint}: those that are not there"
                " would count as wrong"
            )
    names = tuple(dict.fromkeys(c for c, _ in counts))
    return Predictions(path, names, draws, tuple(dict.fromkeys(name for _, name in counts)), frozenset(counts))


def remarks(found: Predictions, samples: Sequence[str], asked: Sequence[str], task: str) -> list[str]:
    """What to tell of answers to samples that a task does not have, and of those asked without an answer: they count 0.

    Raises DataError where no answer is to a sample of the task.
    """
    known = set(samples)
    strangers = [name for name in found.ids if name not in known]
    if len(strangers) == len(found.ids):
        raise DataError(
            f"{found.path}: no line answers a sample of {task}: the lines say {found.ids[0]!r}, the task {samples[0]!r}"
        )
    told = []
    if strangers:
        count = f"{len(strangers):,} of {len(found.ids):,}"
        told.append(f"{found.path}: {count} ids are none of {task}'s, as {strangers[0]!r}")
    for candidate in found.candidates:
        left = [name for name in asked if (candidate, name) not in found.answered]
        if left:
            count = f"{len(left):,} of {len(asked):,}"
            told.append(f"{candidate} does not answer {count} samples of {task}, as {left[0]!r}: missing, each a 0")
    return told


def grading_config(
    found: Predictions, task: str, graders: Sequence[str], *, judge: str | None = None, id_field: str = "id",
    text_field: str = "text", by: str | None = None, overrides: Sequence[str] = (),
) -> RunConfig:
    """The config of a run that grades predictions. `judge`: `ENGINE:MODEL`. Raises ConfigError for what is wrong."""
    recorded: dict[str, Any] = {"id_field": id_field, "text_field": text_field, "number_draws": True}
    data: dict[str, Any] = {
        "name": _plain(f"{found.path.stem}-{'-'.join(graders)}"),
        "draws": found.draws,
        "tasks": [{"task": task, "graders": [{"grader": g} for g in graders]}],
        "candidates": [
            {
                "name": name, "engine": "replay", "model": str(found.path),
                "options": recorded | ({"where": {by: name}} if by else {}),
            }
            for name in found.candidates
        ],
    }  # fmt: skip
    if judge is not None:
        engine, colon, model = judge.partition(":")
        if not engine or not (colon and model):
            raise ConfigError(f"--judge {judge!r}: write ENGINE:MODEL, as vllm:Qwen/Qwen3-8B")
        data["judges"] = [{"name": "judge", "engine": engine, "model": model}]
    for each in overrides:
        override(data, each)
    return validate(RunConfig, data, where="evalkit grade")


_SHOWN = ("candidate", "draw", "grader", "answer", "status")


def rows(run: Run) -> Iterator[dict[str, Any]]:
    """Every grade of a run by itself: what it is of, its status, its metrics."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in run.scores().to_pylist():
        place = (row["candidate"], row["sample"], row["draw"], row["grader"])
        grade = found.setdefault(place, {"id": row["sample"], **{name: row[name] for name in _SHOWN}, "metrics": {}})
        if row["value"] is not None:
            grade["metrics"][row["metric"]] = row["value"]
    yield from found.values()


def _plain(name: str) -> str:
    """A file's name as a candidate or run may be called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "predictions"


__all__ = ["Predictions", "grade", "grading_config", "remarks", "rows", "survey"]
