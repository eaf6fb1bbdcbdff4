"""Putting one LOFT task together: which questions, which worked examples, which corpus, and the items made of them.

Public and privileged halves part here. A sample carries the corpus, the examples and the question; gold answers, gold
passages and a data set's decomposition of the question go into `Privileged`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit.errors import DataError
from evalkit.privileged import Privileged
from evalkit.protocols import Item, TaskContext
from evalkit.records import Corpus, Demonstration, Document, Sample

from . import files, layout, nested, render
from .files import Query

TEMPLATE_TOKENS = 64
"""Left free for the chat template's own tokens, whatever the model."""
CUTOFFS = (2, 3, 5)
"""The cut-offs of mrecall to choose from, as LOFT's."""
TAGS = ("hops", "type", "level")
"""Metadata of a question that results may be reported by."""


class World(msgspec.Struct, frozen=True):
    """Everything of one task: questions in order, shared corpus and examples."""

    kind: str
    layout: str
    tags: dict[str, str]
    corpus: Corpus
    demonstrations: tuple[Demonstration, ...]
    queries: tuple[Query, ...]

    def items(self) -> Iterator[Item]:
        """Public and privileged half of each question."""
        places = {d.id: n for n, d in enumerate(self.corpus.documents)}
        clusters = _clusters(self.queries)
        for query in self.queries:
            tags = {name: query.metadata[name] for name in TAGS if isinstance(query.metadata.get(name), str)}
            sample = Sample(
                id=query.qid,
                question=(query.text,),
                instruction=render.instruction(self.layout),
                corpus=self.corpus,
                demonstrations=self.demonstrations,
                layout=self.layout,
                tags={**self.tags, **tags},
                cluster=clusters[query.qid],
            )
            yield sample, self._privileged(query, places)

    def primary(self) -> str:
        """The retrieval metric that suits the questions: all gold passages wanted, so far as a cut-off allows it."""
        most = max(len(query.gold) for query in self.queries)
        return "recall@1" if most == 1 else f"mrecall@{next((k for k in CUTOFFS if k >= most), CUTOFFS[-1])}"

    def _privileged(self, query: Query, places: dict[str, int]) -> Privileged:
        notes: dict[str, Any] = {"gold": [{"pid": pid, "place": places[pid]} for pid in query.gold]}
        for name in ("decomposition", "labels"):
            if name in query.metadata:
                notes[name] = query.metadata[name]
        answers = query.gold if self.kind == "retrieval" else query.answers
        return Privileged(query.qid, answers=answers, annotations=[notes])


def build(
    context: TaskContext, options: Any, layout_name: str, kind: str, dataset: str, data: Path, reply_tokens: int
) -> World:
    """Read the files and choose questions, examples and corpus. Raises ConfigError and DataError."""
    label = files.length_label(context.length)
    source = files.locate(data, layout_name, dataset, label)
    pool = files.documents(source.folder)
    pids = frozenset(d.id for d in pool)
    split = options.split or files.default_split(source.folder)
    asked = files.queries(source.folder, split, layout_name, pids)
    shots, asked = _shots(source.folder, asked, options.shots, context.seed, layout_name, pids)
    asked = _chosen(asked, options.queries, context.seed)
    if source.published or context.length is None:
        shown = pool
    else:
        shown = _cut(context, pool, asked, shots, kind, layout_name, reply_tokens)
    placed = {d.id: (n, d) for n, d in enumerate(shown)}
    demonstrations = tuple(_demonstration(kind, layout_name, q, [placed[pid] for pid in q.gold]) for q in shots)
    tags = {"kind": kind, "dataset": dataset, "length": label, "split": split}
    return World(kind, layout_name, tags, Corpus(shown), demonstrations, asked)


def _shots(
    folder: Path, asked: tuple[Query, ...], count: int, seed: int, task: str, pids: frozenset[str]
) -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """Worked examples, and the questions that are left to ask. LOFT's few-shot file is taken in its own order."""
    if not count:
        return (), asked
    for split in files.SHOT_SPLITS:
        if split in files.splits(folder):
            pool = files.queries(folder, split, task, pids)
            shots = pool[:count] if split == "few_shot" else _chosen(pool, count, seed)
            left = asked
            break
    else:
        shots = _chosen(asked, count, seed, "shot")
        held_out = {q.qid for q in shots}
        left = tuple(q for q in asked if q.qid not in held_out)
    if len(shots) < count or not left:
        raise DataError(f"{folder}: too few questions for {count} worked examples: set the option shots lower")
    return shots, left


def _chosen(queries: tuple[Query, ...], count: int | None, seed: int, purpose: str = "query") -> tuple[Query, ...]:
    """A seeded choice in file order; a smaller one lies within every larger one."""
    if count is None or count >= len(queries):
        return queries
    kept = set(nested.ordered(seed, purpose, (q.qid for q in queries))[:count])
    return tuple(q for q in queries if q.qid in kept)


def _cut(
    context: TaskContext,
    pool: tuple[Document, ...],
    asked: Sequence[Query],
    shots: Sequence[Query],
    kind: str,
    task: str,
    reply_tokens: int,
) -> tuple[Document, ...]:
    """The corpus that a plain folder gives at the task's length, all else that is in the prompt set aside."""
    for query in (*asked, *shots):
        if not query.gold:
            raise DataError(f"{context.name}: question {query.qid!r} has no metadata.qrels: its gold cannot be kept in")
    counter = context.need_tokenizer()
    widest = len(pool) - 1
    by_id = {d.id: d for d in pool}
    examples = tuple(_demonstration(kind, task, q, [(widest, by_id[pid]) for pid in q.gold]) for q in shots)
    around = render.instruction(task) + render.examples_segment(task, examples).text
    fixed = counter.count(around) + TEMPLATE_TOKENS + reply_tokens
    longest = max(counter.count(layout.query(task, q.text)) for q in asked)
    order = {qid: n for n, qid in enumerate(nested.ordered(context.seed, "query", (q.qid for q in asked)))}
    return nested.cut(
        pool,
        [q.gold for q in sorted(asked, key=lambda q: order[q.qid])],
        [pid for q in shots for pid in q.gold],
        (context.length or 0) - fixed - longest,
        context.seed,
        nested.document_tokens(counter, widest),
        context.name,
    )


def _demonstration(kind: str, task: str, query: Query, gold: Sequence[tuple[int, Document]]) -> Demonstration:
    """A worked example; where one answer is wanted it shows the first alias only."""
    return render.demonstration(task, query.text, gold, query.answers[:1] if kind == "rag" else query.answers)


def _clusters(queries: Sequence[Query]) -> dict[str, str]:
    """For each question the first of those it is tied to by shared gold passages: they are not independent."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    owner: dict[str, str] = {}
    for query in queries:
        parent[query.qid] = query.qid
        for pid in query.gold:
            first = root(owner.setdefault(pid, query.qid))
            parent[root(query.qid)] = first
    return {query.qid: root(query.qid) for query in queries}


__all__ = ["TEMPLATE_TOKENS", "World", "build"]
