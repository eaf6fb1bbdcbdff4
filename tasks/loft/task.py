"""LOFT: a whole corpus in the prompt, then a question about it.

In: a LOFT directory as published, or a plain folder with the same files, cut to a length. Out: one sample for each
question, all of one task sharing one corpus object. Kinds: `retrieval` (which documents?), `rag` (what is the answer?)
and `multi_value_rag` (what are all the answers?). An address is `loft/KIND_DATASET@LENGTH`; `parse.py` reads replies.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evalkit import protocols
from evalkit.errors import ConfigError, nearest
from evalkit.privileged import Reference
from evalkit.protocols import Item, TaskContext
from evalkit.records import Answer, Completion, Request, Sample, Sampling

from . import layout, parse, render
from .world import Plan, World, build

KINDS = ("retrieval", "rag", "multi_value_rag")
LATER = {"sql": "SQL", "icl": "many-shot ICL", "mm": "image, video and audio"}
"""LOFT's other kinds, which come with a later version."""
MULTI_TURN = ("topiocqa", "sparc")
MULTI_VALUE = ("qampari", "quest")
"""Data sets whose rag questions have several answers, all of them wanted."""
PRIMARY = {
    **dict.fromkeys(
        ("arguana", "fever", "fiqa", "msmarco", "nq", "quora", "scifact", "webis_touche2020"), "recall@1"
    ),
    "hotpotqa": "mrecall@2", "musique": "mrecall@5", "qampari": "mrecall@5", "quest": "mrecall@3",
}
"""Primary retrieval metric of LOFT's data sets, as its README states them."""
SAMPLE = "sample"
"""The data set that lies in this folder, so that the task can be tried and checked without any download."""


class Loft(protocols.Task):
    """Retrieval and question answering with the corpus in context."""

    family = "loft"
    sampling = Sampling(max_tokens=256, stop=("\n======",))

    class Options(protocols.Options):
        """Where the data lie and how they are put and read."""

        data: Path | None = None
        """LOFT's base folder, or a plain folder; may be left out for the data set `sample` only."""
        split: str | None = None
        """Default: test, else dev, else queries."""
        shots: int = Field(default=5, ge=0)
        """Worked examples before the question; LOFT has 5."""
        queries: int | None = Field(default=None, ge=1)
        """How many questions are asked of one corpus, a seeded choice; None asks all."""
        corpora: int = Field(default=1, ge=1)
        """How many corpora are cut from a plain folder, each with its own `queries` questions."""
        parser: Literal["strict", "compat"] = "strict"
        """How replies are read: repaired, or as LOFT's own code does."""
        scorer: Literal["strict", "compat"] = "strict"
        """How answers are graded, likewise."""

    options: Options

    def __init__(self, context: TaskContext, options: Any = None) -> None:
        super().__init__(context, options)
        self.kind, self.dataset = _variant(context)
        self.layout = "retrieval" if self.kind == "retrieval" else "rag"
        self.graders = ("retrieval",) if self.kind == "retrieval" else ("match",)

    def grader_options(self, grader: str) -> Mapping[str, Any]:
        """The scorer, and what is special to this data set: the primary metric, several answers."""
        if grader == "retrieval":
            return {"scorer": self.options.scorer, "primary": PRIMARY.get(self.dataset) or self._world.primary()}
        if grader == "match":
            return {"scorer": self.options.scorer, "several": self.kind == "multi_value_rag"}
        return {}

    def load(self) -> Iterator[Item]:
        yield from self._world.items()

    def ask(self, sample: Sample, replies: Sequence[Completion]) -> Sequence[Request]:
        return () if replies else (self.request(sample, render.messages(sample)),)

    def read(self, sample: Sample, replies: Sequence[Completion]) -> Answer:
        if self.layout == "retrieval" and sample.corpus is not None:
            return parse.document_answer(replies[-1], sample.corpus, self.options.parser)
        return parse.answer(replies[-1], self.options.parser)

    def gold_reply(self, sample: Sample, reference: Reference) -> str:
        """The final-answer line alone: places of the gold passages, the first alias, or all values."""
        if self.kind == "retrieval" and sample.corpus is not None:
            places = {d.id: n for n, d in enumerate(sample.corpus.documents)}
            return layout.final_answer([str(places[pid]) for pid in reference.answers])
        return layout.final_answer(reference.answers if self.kind == "multi_value_rag" else reference.answers[:1])

    @cached_property
    def _world(self) -> World:
        data = self.options.data
        if data is None:
            if self.dataset != SAMPLE:
                near = difflib.get_close_matches(self.dataset, [SAMPLE], n=1)
                hint = f"did you mean loft/{self.kind}_{SAMPLE}?" if near else f"only {SAMPLE!r} comes with evalkit"
                name = self.context.name
                raise ConfigError(f"task {name!r} needs the option data, the folder with LOFT's files; {hint}")
            data = Path(__file__).parent / "sample"
        options = self.options
        return build(
            Plan(
                self.context, self.kind, self.layout, self.dataset, data, options.split, options.shots, options.queries,
                options.corpora, self.sampling.max_tokens,
            )
        )


def _variant(context: TaskContext) -> tuple[str, str]:
    """Kind and data set of an address. Raises ConfigError for a kind that is unknown or comes later."""
    for kind in sorted(KINDS, key=len, reverse=True):
        prefix, dataset = context.variant[: len(kind) + 1], context.variant[len(kind) + 1 :]
        if prefix == f"{kind}_" and dataset:
            if dataset in MULTI_TURN:
                raise ConfigError(f"{context.name}: questions of several turns ({dataset}) come with a later version")
            return ("multi_value_rag" if kind == "rag" and dataset in MULTI_VALUE else kind), dataset
    variant, form = context.variant.rstrip("_"), "write loft/KIND_DATASET, as in loft/retrieval_nq"
    if not variant:
        raise ConfigError(f"{context.name}: {form}; kinds: {', '.join(KINDS)}")
    if variant in KINDS:
        raise ConfigError(f"{context.name}: the data set is missing: write loft/{variant}_DATASET, as in"
                          f" loft/{variant}_{SAMPLE}")
    kind = variant.partition("_")[0]
    if kind in LATER:
        raise ConfigError(f"{context.name}: LOFT's {LATER[kind]} tasks come with a later version")
    raise ConfigError(f"{context.name}: {form}; no kind {kind!r}{nearest(kind, KINDS)}")
