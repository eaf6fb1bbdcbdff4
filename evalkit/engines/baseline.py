"""Candidates that are no language models: what a task is worth must be measured against them.

`bm25` ranks the documents of the sample's corpus for its last question turn and replies in the form that the task
asks for, `Final Answer: ['17', '3']`, with the documents' places in the corpus. It reads the sample, never the prompt.
Indexes are kept for the few corpora in use and given back by `close`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field

from evalkit import protocols
from evalkit.records import Completion, Corpus, Request, digest_of_object

VERSION = "1"
"""Raised whenever the same request may get another reply."""
INDEXES = 4
"""How many corpora stay indexed: runs go corpus by corpus, so few are in use at a time."""
K1, B = 1.5, 0.75
"""BM25 parameters as in Manning, Raghavan and Schuetze (2008), section 11.4.3, within their usual ranges."""


class Baseline(protocols.Engine):
    """Non-LLM candidates, by method."""

    class Options(protocols.Options):
        """Which method, and how much it answers."""

        method: Literal["bm25"] = "bm25"
        """bm25: documents ranked by the words of the question."""
        top_k: int = Field(default=5, ge=1)
        """Documents in a reply; those that share no word with the question are left out."""

    def __init__(self, model: str | None, options: Options) -> None:
        """`model` is not used: a method has no weights."""
        import bm25s

        self.options = options
        recipe = (VERSION, bm25s.__version__, K1, B, options.model_dump(mode="json"))
        self.fingerprint = f"{options.method}:{digest_of_object(recipe).hex()}"
        self._indexes: OrderedDict[bytes, _Index] = OrderedDict()

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion for each request, in order; an error for a sample that has no corpus."""
        for request in requests:
            start = time.perf_counter()
            corpus = request.sample.corpus
            if corpus is None or not corpus.documents:
                error = f"{self.options.method} needs a corpus, and sample {request.sample.id!r} has none"
                yield Completion(key=request.key, finish="error", error=error)
                continue
            places = self._index(corpus).search(request.sample.question[-1], self.options.top_k)
            text = f"Final Answer: {[str(p) for p in places]!r}"
            yield Completion(key=request.key, text=text, seconds=time.perf_counter() - start)

    def close(self) -> None:
        self._indexes.clear()

    def _index(self, corpus: Corpus) -> _Index:
        """The index of a corpus, built when first asked for; the one unused for longest makes room."""
        index = self._indexes.get(corpus.digest)
        if index is None:
            index = self._indexes[corpus.digest] = _Index(corpus)
            while len(self._indexes) > INDEXES:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(corpus.digest)
        return index


class _Index:
    """BM25 over title and text of every document."""

    def __init__(self, corpus: Corpus) -> None:
        import bm25s

        texts = [f"{d.title} {d.text}" for d in corpus.documents]
        tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
        self._bm25: Any = None
        if tokens.vocab:
            self._bm25 = bm25s.BM25(k1=K1, b=B)
            self._bm25.index(tokens, show_progress=False)

    def search(self, question: str, top_k: int) -> list[int]:
        """Places of the best documents that share a word with the question; of equals the first comes first."""
        import bm25s
        import numpy as np

        words = bm25s.tokenize(question, stopwords="en", return_ids=False, show_progress=False)[0]
        if self._bm25 is None or not words:
            return []
        scores = self._bm25.get_scores(words)
        best = np.argsort(-scores, kind="stable")[:top_k]
        return [int(place) for place in best if scores[place] > 0]


__all__ = ["Baseline"]
