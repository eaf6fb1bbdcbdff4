"""Questions on a few corpora, in a file's order. In: JSONL: id, context, question, answer. Out: eight tokens each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import evalkit as ek


class CorporaOptions(ek.Options):
    """Where the rows are."""

    data: Path


class Corpora(ek.Task):
    """One question a row; rows of one context share it."""

    family = "corpora"
    graders = ("match",)
    sampling = ek.Sampling(max_tokens=8)
    Options = CorporaOptions
    options: CorporaOptions

    def load(self) -> Iterator[ek.Item]:
        contexts: dict[str, ek.Corpus] = {}
        with self.options.data.open() as lines:
            for row in map(json.loads, lines):
                text = row["context"]
                if text not in contexts:
                    contexts[text] = ek.Corpus((ek.Document("context", text),))
                sample = ek.Sample(id=row["id"], question=(row["question"],), corpus=contexts[text])
                yield sample, ek.Privileged(row["id"], answers=[row["answer"]])

    def ask(self, sample: ek.Sample, replies: Sequence[ek.Completion]) -> Sequence[ek.Request]:
        if replies or sample.corpus is None:
            return ()
        return [self.request(sample, [ek.user(_shared(sample.corpus.documents[0].text), sample.question[0])])]

    def read(self, sample: ek.Sample, replies: Sequence[ek.Completion]) -> ek.Answer:
        text = replies[-1].text.strip()
        return ek.Answer(text, text=text) if text else ek.Answer(status="unparsed")

    def gold_reply(self, sample: ek.Sample, reference: ek.Reference) -> str:
        return str(reference.answers[0])


@lru_cache(maxsize=64)
def _shared(context: str) -> ek.Segment:
    return ek.Segment(context)
