"""From a sample to messages, in the Corpus-in-Context order of `layout.py`.

One user message: instruction, corpus, worked examples, query. Everything comes from the sample's own fields, so that an
adapter may edit any of them before it is rendered. Texts that samples share are shared objects too: the corpus text is
made once for each corpus object and lives as long as it, instruction and examples come from a small cache.

Other families with documents and a final list (the archive) use `messages` as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from evalkit.protocols import user
from evalkit.records import Corpus, Demonstration, Document, Message, Sample, Segment

from . import layout


def instruction(kind: str) -> str:
    """What a sample of this kind (`retrieval` or `rag`) carries as its instruction."""
    return layout.INSTRUCTIONS[kind]


def messages(sample: Sample) -> tuple[Message, ...]:
    """The prompt of a sample whose `layout` is its kind, `retrieval` or `rag`; its last question turn is asked."""
    shared: list[Segment] = []
    if sample.instruction:
        shared.append(_segment(sample.instruction))
    if sample.corpus is not None:
        shared.append(corpus_segment(sample.corpus))
    if sample.demonstrations:
        shared.append(examples_segment(sample.layout, sample.demonstrations))
    return (user(*shared, Segment(layout.query(sample.layout, sample.question[-1]))),)


def corpus_segment(corpus: Corpus) -> Segment:
    """All documents of a corpus as one text, each numbered by its place; one object for each corpus object."""
    cached: Segment | None = corpus.__dict__.get("_loft_segment")
    if cached is None:
        cached = Segment("".join(layout.document(n, d.title, d.text) for n, d in enumerate(corpus.documents)))
        corpus.__dict__["_loft_segment"] = cached
    return cached


def demonstration(
    kind: str, question: str, gold: Sequence[tuple[int, Document]], answers: Sequence[str]
) -> Demonstration:
    """A worked example. `gold` are documents with their place in the corpus; `answers` is what to end with (rag only).

    A retrieval example ends with the places themselves. The places are text from here on: who reorders the documents
    of a sample must make its demonstrations anew.
    """
    final = [str(n) for n, _ in gold] if kind == "retrieval" else answers
    return Demonstration(question, layout.reply([(n, d.title, d.text) for n, d in gold], final))


@lru_cache(maxsize=64)
def examples_segment(kind: str, demonstrations: tuple[Demonstration, ...]) -> Segment:
    """All worked examples as one text, shared by all samples that have the same."""
    return Segment("".join(layout.example(kind, i, d.question, d.reply) for i, d in enumerate(demonstrations, 1)))


@lru_cache(maxsize=64)
def _segment(text: str) -> Segment:
    return Segment(text)




__all__ = ["corpus_segment", "demonstration", "examples_segment", "instruction", "messages"]
