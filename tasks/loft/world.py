"""Putting one LOFT task together: which questions, which worked examples, which corpora, and the items made of them.

Public and privileged halves part here. A sample carries the corpus, the examples and the question; gold answers, gold
passages and a data set's decomposition of the question go into `Privileged`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit.errors import ConfigError, DataError
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


class Plan(msgspec.Struct, frozen=True):
    """What a task wants of its files: the address taken apart, and the options."""

    context: TaskContext
    kind: str
    """`retrieval`, `rag` or `multi_value_rag`."""
    layout: str
    """`retrieval` or `rag`: prompt layout, and LOFT's name for the folder."""
    dataset: str
    data: Path
    split: str | None
    shots: int
    queries: int | None
    corpora: int
    reply_tokens: int


class Part(msgspec.Struct, frozen=True):
    """One corpus, with the examples and the questions that go with it."""

    corpus: Corpus
    demonstrations: tuple[Demonstration, ...]
    queries: tuple[Query, ...]


class World(msgspec.Struct, frozen=True):
    """Everything of one task."""

    kind: str
    layout: str
    tags: dict[str, str]
    parts: tuple[Part, ...]

    def items(self) -> Iterator[Item]:
        """Public and privileged half of each question, corpus by corpus."""
        clusters = _clusters(self.parts)
        instruction = render.instruction(self.layout)
        for part in self.parts:
            places = {d.id: n for n, d in enumerate(part.corpus.documents)}
            for query in part.queries:
                tags = {name: query.metadata[name] for name in TAGS if isinstance(query.metadata.get(name), str)}
                sample = Sample(
                    id=query.qid,
                    question=(query.text,),
                    instruction=instruction,
                    corpus=part.corpus,
                    demonstrations=part.demonstrations,
                    layout=self.layout,
                    tags={**self.tags, **tags},
                    cluster=clusters[query.qid],
                )
                yield sample, self._privileged(query, places)

    def primary(self) -> str:
        """The retrieval metric that suits the questions: all gold passages wanted, so far as a cut-off allows it."""
        most = max(len(query.gold) for part in self.parts for query in part.queries)
        return "recall@1" if most == 1 else f"mrecall@{next((k for k in CUTOFFS if k >= most), CUTOFFS[-1])}"

    def _privileged(self, query: Query, places: dict[str, int]) -> Privileged:
        notes: dict[str, Any] = {"gold": [{"pid": pid, "place": places[pid]} for pid in query.gold]}
        notes.update({name: query.metadata[name] for name in ("decomposition", "labels") if name in query.metadata})
        answers = query.gold if self.kind == "retrieval" else query.answers
        return Privileged(query.qid, answers=answers, annotations=[notes])


def build(plan: Plan) -> World:
    """Read the files and choose questions, examples and corpora. Raises ConfigError and DataError."""
    label = files.length_label(plan.context.length)
    source = files.locate(plan.data, plan.layout, plan.dataset, label)
    if plan.corpora > 1 and (source.published or plan.context.length is None or plan.queries is None):
        name = plan.context.name
        raise ConfigError(f"{name}: several corpora are for plain folders cut to a length, with queries set")
    pool = files.documents(source.folder)
    pids = frozenset(d.id for d in pool)
    split = plan.split or files.default_split(source.folder)
    asked = files.queries(source.folder, split, plan.layout, pids)
    shots, asked = _shots(plan, source.folder, asked, pids)
    whole = source.published or plan.context.length is None
    parts = []
    for number, chosen in enumerate(_groups(plan, source.folder, asked)):
        shown = pool if whole else _cut(plan, pool, chosen, shots, number)
        placed = {d.id: (n, d) for n, d in enumerate(shown)}
        examples = tuple(_demonstration(plan, q, [placed[pid] for pid in q.gold]) for q in shots)
        parts.append(Part(Corpus(shown), examples, chosen))
    tags = {"kind": plan.kind, "dataset": plan.dataset, "length": label, "split": split}
    return World(plan.kind, plan.layout, tags, tuple(parts))


def _shots(
    plan: Plan, folder: Path, asked: tuple[Query, ...], pids: frozenset[str]
) -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """Worked examples, and the questions that are left to ask. LOFT's few-shot file is taken in its own order."""
    if not plan.shots:
        return (), asked
    seed, count = plan.context.seed, plan.shots
    for split in files.SHOT_SPLITS:
        if split in files.splits(folder):
            pool = files.queries(folder, split, plan.layout, pids)
            shots = pool[:count] if split == "few_shot" else _first(pool, seed, "shot")[:count]
            left = asked
            break
    else:
        shots = _first(asked, seed, "shot")[:count]
        held_out = {q.qid for q in shots}
        left = tuple(q for q in asked if q.qid not in held_out)
    if len(shots) < count or not left:
        raise DataError(f"{folder}: too few questions for {count} worked examples: set the option shots lower")
    return shots, left


def _first(queries: tuple[Query, ...], seed: int, purpose: str) -> tuple[Query, ...]:
    """Questions in a seeded order: a choice of few is the beginning of every choice of more."""
    by_id = {q.qid: q for q in queries}
    return tuple(by_id[qid] for qid in nested.ordered(seed, purpose, by_id))


def _groups(plan: Plan, folder: Path, asked: tuple[Query, ...]) -> list[tuple[Query, ...]]:
    """The questions of each corpus; all of them, in file order, where the run sets no number."""
    if plan.queries is None:
        return [asked]
    if plan.corpora > 1 and plan.corpora * plan.queries > len(asked):
        wanted = f"{plan.corpora} corpora of {plan.queries}"
        raise DataError(f"{folder}: {len(asked)} questions are too few for {wanted}: set corpora lower")
    if plan.queries > len(asked):
        left = _left(plan, folder, len(asked))
        raise DataError(f"{folder}: the option queries asks for {plan.queries} questions, there are {left}")
    order = _first(asked, plan.context.seed, "query")
    return [order[n * plan.queries : (n + 1) * plan.queries] for n in range(plan.corpora)]


def _left(plan: Plan, folder: Path, count: int) -> str:
    """How many questions there are to ask, and where the others went."""
    held_out = plan.shots and not any(split in files.splits(folder) for split in files.SHOT_SPLITS)
    return f"{count}{f' (beside {plan.shots} held out as worked examples)' if held_out else ''}"


def _cut(
    plan: Plan, pool: tuple[Document, ...], asked: tuple[Query, ...], shots: Sequence[Query], number: int
) -> tuple[Document, ...]:
    """Corpus `number` that a plain folder gives at the task's length, all else that is in the prompt set aside."""
    for query in (*asked, *shots):
        if not query.gold:
            name = plan.context.name
            raise DataError(f"{name}: question {query.qid!r} has no metadata.qrels: its gold cannot be kept in")
    counter = plan.context.need_tokenizer()
    widest = len(pool) - 1
    by_id = {d.id: d for d in pool}
    examples = tuple(_demonstration(plan, q, [(widest, by_id[pid]) for pid in q.gold]) for q in shots)
    around = render.instruction(plan.layout) + render.examples_segment(plan.layout, examples).text
    longest = max(counter.count(layout.query(plan.layout, q.text)) for q in asked)
    reserve = counter.count(around) + longest + plan.reply_tokens + TEMPLATE_TOKENS
    return nested.cut(
        pool,
        [q.gold for q in _first(asked, plan.context.seed, "query")],
        [pid for q in shots for pid in q.gold],
        (plan.context.length or 0) - reserve,
        f"{plan.context.seed}.{number}",
        nested.document_tokens(counter, widest),
        plan.context.name,
    )


def _demonstration(plan: Plan, query: Query, gold: Sequence[tuple[int, Document]]) -> Demonstration:
    """A worked example; where one answer is wanted it shows the first alias only."""
    answers = query.answers[:1] if plan.kind == "rag" else query.answers
    return render.demonstration(plan.layout, query.text, gold, answers)


def _clusters(parts: Sequence[Part]) -> dict[str, str]:
    """What each question shares with others, by which intervals are clustered.

    Where there are several corpora, the corpus. Where there is one, the first of the questions it is tied to by shared
    gold passages: the corpus is then a fixed condition of the figure, and one cluster would leave no interval.
    """
    if len(parts) > 1:
        return {query.qid: f"corpus {number}" for number, part in enumerate(parts) for query in part.queries}
    [only] = parts
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    owner: dict[str, str] = {}
    for query in only.queries:
        parent[query.qid] = query.qid
        for pid in query.gold:
            first = root(owner.setdefault(pid, query.qid))
            parent[root(query.qid)] = first
    return {query.qid: root(query.qid) for query in only.queries}


__all__ = ["CUTOFFS", "TEMPLATE_TOKENS", "Part", "Plan", "World", "build"]
