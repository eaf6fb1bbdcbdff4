"""Reading LOFT's files: where they lie, what is in them, and one clear sentence for each way they can be wrong.

A folder with `corpus.jsonl` and query files is a *collection*. LOFT publishes one for each length, in
`BASE/data/TASK/DATASET/LENGTH/`; those are used as they are. A plain folder with the same files has no length of its
own and is cut to any (`nested.py`). Texts are stripped, as LOFT's loader does. LOFT's loader also deletes the words
"childhood abuse" from corpora; this one never alters a document, a deviation that card.md states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import jsonl
from evalkit.errors import ConfigError, DataError, nearest
from evalkit.jsonl import shown
from evalkit.records import Document

DEFAULT_SPLITS = ("test", "dev", "queries")
"""Splits that are asked where the run names none, in order of preference."""
SHOT_SPLITS = ("few_shot", "train")
"""Splits that worked examples come from, in order of preference; without either, held-out questions serve."""


class Query(msgspec.Struct, frozen=True):
    """One line of a query file, checked."""

    qid: str
    text: str
    answers: tuple[str, ...]
    """Gold answers as text; empty in a retrieval file, where the answers are passages."""
    gold: tuple[str, ...]
    """Ids of the gold passages: the answers of a retrieval file, else `metadata.qrels`."""
    metadata: Mapping[str, Any]


class Source(msgspec.Struct, frozen=True):
    """Where a collection lies, and whether it is published at a length of its own."""

    folder: Path
    published: bool


def locate(base: Path, task: str, dataset: str, length: str) -> Source:
    """Find the collection of `dataset` under `base`; `length` is a label such as `32k`, empty for none.

    `base` may be LOFT's base, its `data` folder, a folder below it down to DATASET/LENGTH, a plain folder or a folder
    of plain folders. Raises ConfigError with what there is instead.
    """
    if base.is_file():
        raise ConfigError(f"loft: {str(base)!r} is a file, not the folder that holds it")
    if not base.is_dir():
        siblings = [p.name for p in base.parent.iterdir() if p.is_dir()] if base.parent.is_dir() else []
        raise ConfigError(f"loft: no data folder {str(base)!r}{nearest(base.name, siblings) if siblings else ''}")
    if (base / "corpus.jsonl").is_file():
        return _direct(base, length)
    for folder in (base / "data" / task / dataset, base / task / dataset, base / dataset, base):
        if (folder / "corpus.jsonl").is_file():
            return Source(folder, published=False)
        lengths = _lengths(folder)
        if lengths and length in lengths:
            return Source(folder / length, published=True)
        if lengths:
            wanted = f"no length {length!r}" if length else "no length in the address"
            raise ConfigError(f"loft: {wanted}; {folder} holds {', '.join(lengths)}")
    found = _datasets(base, task)
    if found:
        raise ConfigError(f"loft: {base} holds no {task} data set {dataset!r}{nearest(dataset, found)}")
    looked = f"nor have {dataset}, {task}/{dataset} or data/{task}/{dataset} below it"
    raise ConfigError(f"loft: {str(base)!r} is no data folder: it has no corpus.jsonl, {looked}")


def documents(folder: Path) -> tuple[Document, ...]:
    """The corpus of a collection, in file order. Raises DataError with file and line."""
    path = folder / "corpus.jsonl"
    found: dict[str, Document] = {}
    for row in jsonl.rows(path):
        where = row.where
        pid = _text(row, "pid", where)
        if pid in found:
            raise DataError(f"{where}: passage id {pid!r} occurs twice")
        title = row.get("title_text") or ""
        if not isinstance(title, str):
            raise DataError(f"{where}: title_text must be a string, not {shown(title)}")
        found[pid] = Document(id=pid, text=_text(row, "passage_text", where).strip(), title=title.strip())
    if not found:
        raise DataError(f"{path}: the corpus is empty")
    if not any(document.text for document in found.values()):
        raise DataError(f"{path}: no passage has a text; sets that LOFT ships as ids only must be filled in from BEIR")
    return tuple(found.values())


def splits(folder: Path) -> tuple[str, ...]:
    """Names of the splits of a collection: `dev` for `dev_queries.jsonl`, `queries` for `queries.jsonl`."""
    return tuple(sorted(p.name.removesuffix(".jsonl").removesuffix("_queries") for p in folder.glob("*queries.jsonl")))


def default_split(folder: Path) -> str:
    """The split that is asked where the run names none. Raises DataError if there is none."""
    have = splits(folder)
    for split in DEFAULT_SPLITS:
        if split in have:
            return split
    raise DataError(f"{folder} has no test_queries.jsonl, dev_queries.jsonl or queries.jsonl")


def queries(folder: Path, split: str, task: str, pids: frozenset[str]) -> tuple[Query, ...]:
    """The questions of a split, in file order; `pids` are the corpus's ids. Raises DataError with file and line."""
    name = "queries.jsonl" if split == "queries" else f"{split}_queries.jsonl"
    if not (folder / name).is_file():
        raise DataError(f"{folder} has no {name}{nearest(split, splits(folder))}")
    found: dict[str, Query] = {}
    for row in jsonl.rows(folder / name):
        query = _query(row, task, row.where)
        if query.qid in found:
            raise DataError(f"{row.where}: query id {query.qid!r} occurs twice")
        for pid in query.gold:
            if pid not in pids:
                raise DataError(f"{row.where}: gold passage {pid!r} is not in corpus.jsonl")
        found[query.qid] = query
    if not found:
        raise DataError(f"{folder / name}: there are no questions")
    return tuple(found.values())


def length_label(length: int | None) -> str:
    """`32k` for 32,000 and `1m` for 1,000,000, as LOFT names its folders; empty for None."""
    if length is None:
        return ""
    for size, unit in ((1_000_000, "m"), (1_000, "k")):
        if length % size == 0:
            return f"{length // size}{unit}"
    return str(length)


def _direct(base: Path, length: str) -> Source:
    published = re.fullmatch(r"\d+[km]", base.name) is not None
    if published and length and length != base.name:
        raise ConfigError(f"loft: {base} is published at {base.name}, the task asks for {length}")
    return Source(base, published)


def _lengths(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    found = (p.name for p in folder.iterdir() if re.fullmatch(r"\d+[km]", p.name) and (p / "corpus.jsonl").is_file())
    return sorted(found, key=lambda n: int(n[:-1]) * (1_000_000 if n.endswith("m") else 1_000))


def _datasets(base: Path, task: str) -> list[str]:
    """Names of data sets that are there, for the error message."""
    folders = [p for parent in (base / "data" / task, base / task, base) if parent.is_dir() for p in parent.iterdir()]
    return [p.name for p in folders if (p / "corpus.jsonl").is_file() or _lengths(p)]


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    if key not in row:
        raise DataError(f"{where}: {key} is missing{nearest(key, row)}")
    value = row[key]
    if not isinstance(value, str):
        raise DataError(f"{where}: {key} must be a string, not {shown(value)}")
    return value


def _query(row: Mapping[str, Any], task: str, where: str) -> Query:
    if isinstance(row.get("query_text"), list):
        raise DataError(f"{where}: query_text is a list: questions of several turns come with a later version")
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise DataError(f"{where}: metadata must be an object, not {shown(metadata)}")
    answers = row.get("answers")
    if not isinstance(answers, list) or not answers:
        raise DataError(f"{where}: answers must be a list of at least one answer, not {shown(answers)}")
    qrels = _pids(metadata.get("qrels", []), f"{where}: metadata.qrels")
    texts = all(isinstance(a, str) for a in answers)
    if task != "retrieval" and not texts:
        raise DataError(f"{where}: answers must be strings, not {shown(answers)}")
    if task != "retrieval" and not all(a.strip() for a in answers):
        raise DataError(f"{where}: an answer is empty")
    gold = qrels if texts else _pids(answers, f"{where}: answers")
    if task == "retrieval" and not gold:
        raise DataError(f"{where}: a retrieval question needs gold passages in answers or metadata.qrels")
    return Query(
        qid=_text(row, "qid", where),
        text=_text(row, "query_text", where).strip(),
        answers=tuple(answers) if texts else (),
        gold=gold,
        metadata=metadata,
    )


def _pids(pairs: Any, where: str) -> tuple[str, ...]:
    """Passage ids of a list of `[pid, score]`. LOFT ignores the score, and so do we: 0 counts as gold."""
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        raise DataError(f"{where} must be a list of [passage id, score], not {shown(pairs)}")
    for pair in pairs:
        match pair:
            case [str(), int() as score] if not isinstance(score, bool):
                pass
            case _:
                raise DataError(f"{where} must hold [passage id, whole number], not {shown(pair)}")
    return tuple(dict.fromkeys(pair[0] for pair in pairs))


__all__ = [
    "DEFAULT_SPLITS", "SHOT_SPLITS", "Query", "Source", "default_split", "documents", "length_label", "locate",
    "queries", "splits",
]
