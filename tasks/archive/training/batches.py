"""Training batches: token ids, and for each token what kind of prediction it is (0: not trained on).

Two kinds of batch. *Echo*: random tokens, then their own chunks in shuffled order; from these the copying circuit
forms. *Archive*: a fresh world and many questions in the very prompt that evaluation uses; trained on the replies and
on the number that ends each document. In most batches the questions stand apart: each sees the corpus and itself only,
at the positions it would have alone, so that none is answered from the reply to another. In others, most of all at the
beginning, they stand together, or are worked examples. Worlds are seeded apart from all that evaluation can draw
(`train/SEED/STEP/ROW`).
"""

from __future__ import annotations

import random
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ...loft import layout
from .. import questions, words, world
from . import tokenizer as vocabulary

ECHO, REPLY, TITLE, HOP_TITLE, SECOND, ID, ANSWER, HOP_ANSWER = range(1, 9)
"""Kinds of prediction: an echo; an easy token of a reply; first word of the first and second title; second word of a
title; a document's number in a reply; first word of the answer after one and two hops."""
KIND_NAMES = ("echo", "reply", "title", "hop_title", "second", "id", "answer", "hop_answer")
MIX: tuple[questions.Kind, ...] = ("fact",) * 5 + ("who",) * 5 + ("described",) * 5 + ("link",) * 6
"""Kinds of question in their proportions."""

FEW = 14
"""Documents up to which most batches have their questions together."""
TOGETHER = (0.6, 0.1)
"""Shares of archive batches in which the questions of a row see one another, up to so many documents and above. There a
number that an earlier reply has named is found by the copying that echoes taught, and the looking up of numbers grows
from that in 2 million tokens; among questions that stand apart it did not form in 9 million."""
EXAMPLES = 0.1
"""Share of archive batches with worked examples."""
TWINS = (0.25, 0.5, 0.9)
"""Shares of twins that training worlds have, one drawn for each. Where few names share a word, the model learns to go
from a first word to the second that it saw after it, and never asks whose name it is."""

Ints = NDArray[np.int64]


class Row(msgspec.Struct, frozen=True):
    """One world with questions, token by token."""

    ids: list[int]
    kinds: list[int]
    blocks: list[int]
    """0 for the corpus, else the number of the question: questions do not see one another."""
    places: list[int]

    @property
    def corpus(self) -> int:
        """Tokens before the first question that stands apart."""
        return self.blocks.count(0)


class Batch(msgspec.Struct, frozen=True):
    """Rows of equal length, padded at the end."""

    ids: Ints
    kinds: Ints
    """Kind of prediction that yields the token at this place; 0 is not trained on."""
    places: Ints
    """Position of each token."""
    corpus: int
    """Columns from the left in which a token sees all that are before it."""
    blocks: Ints | None = None
    """Where questions stand apart in the columns after these: a token sees the corpus (block 0) and earlier tokens of
    its own block; padding is block -1."""
    documents: int = 0


class _Shown(msgspec.Struct, frozen=True):
    kind: str
    entities: list[world.Entity]
    numbers: dict[int, int]
    ids: list[int]
    asked: list[questions.Question]

    def reply(self, question: questions.Question) -> str:
        gold = [(self.numbers[e], self.entities[e].title, self.entities[e].text) for e in question.gold]
        answers = [str(n) for n, _, _ in gold] if self.kind == "retrieval" else [question.answer]
        return layout.reply(gold, answers)


def echo(rng: np.random.Generator, size: int, length: int, first: int, vocabulary_size: int) -> Batch:
    """About `size` tokens: rows of `length` random tokens from id `first` on, then the same in shuffled chunks."""
    rows = max(1, size // (2 * length))
    ids = np.empty((rows, 2 * length), dtype=np.int64)
    kinds = np.zeros_like(ids)
    for row in range(rows):
        source = rng.integers(first, vocabulary_size, length)
        cuts = np.cumsum(rng.integers(2, 7, length))
        chunks = np.split(source, cuts[cuts < length])
        order = rng.permutation(len(chunks))
        ids[row] = np.concatenate([source, *(chunks[i] for i in order)])
        kinds[row, length:] = np.concatenate([[0] + [ECHO] * (len(chunks[i]) - 1) for i in order])
    return Batch(ids, kinds, np.broadcast_to(np.arange(2 * length), ids.shape).copy(), 2 * length)


class Archive:
    """Makes archive batches for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        ids = {name: self._one(name) for name in vocabulary.SPECIAL}
        self.pad = ids[vocabulary.PAD]
        self._begin = [ids[vocabulary.BOS], ids[vocabulary.USER]]
        self._turn = [ids[vocabulary.END], ids[vocabulary.ASSISTANT]]
        self._end = [ids[vocabulary.END]]
        self._parts = (("ids", self.pad), ("kinds", 0), ("places", 0))
        self._after_title = self._one("TITLE: ")
        self._after_id = self._one(" | ID: ")
        self._after_final = self._one(layout.final_answer(["x"]).split("x")[0])
        self._before_echo = self._one(layout.document(0, "x", "x.").split("x")[-1].split("0")[0])

    def batch(self, seed: str, size: int, documents: int) -> Batch:
        """About `size` tokens of worlds of `documents` documents each."""
        together = TOGETHER[documents > FEW]
        [make] = random.Random(f"train/{seed}").choices(
            (self.together, self.examples, self.apart), (together, EXAMPLES, 1 - together - EXAMPLES)
        )
        rows: list[Row] = []
        while not rows or sum(len(row.ids) for row in rows) + len(rows[0].ids) // 2 < size:
            rows.append(make(random.Random(f"train/{seed}/{len(rows)}"), documents))
        if make != self.apart:
            ids, kinds, places = (_padded([getattr(row, part) for row in rows], fill) for part, fill in self._parts)
            return Batch(ids, kinds, places, ids.shape[1], None, documents)
        ids, kinds, places, blocks = (
            np.hstack([
                _padded([getattr(row, part)[:row.corpus] for row in rows], fill),
                _padded([getattr(row, part)[row.corpus:] for row in rows], fill),
            ])
            for part, fill in (*self._parts, ("blocks", -1))
        )
        return Batch(ids, kinds, places, max(row.corpus for row in rows), blocks, documents)

    def apart(self, rng: random.Random, documents: int) -> Row:
        """Many questions about one world, each as if it were asked alone."""
        shown = self._shown(rng, documents, max(12, min(48, documents * 3 // 2)))
        row = Row(list(shown.ids), self._corpus_kinds(shown.ids), [0] * len(shown.ids), list(range(len(shown.ids))))
        for n, question in enumerate(shown.asked, 1):
            head = self._encode(layout.query(shown.kind, question.text)) + self._turn
            reply = self._encode(shown.reply(question)) + self._end
            row.ids.extend(head + reply)
            row.kinds.extend([0] * len(head) + self._reply_kinds(reply, questions.HOPS[question.kind]))
            row.blocks.extend([n] * len(head + reply))
            row.places.extend(range(len(shown.ids), len(shown.ids) + len(head + reply)))
        return row

    def together(self, rng: random.Random, documents: int) -> Row:
        """Many questions about one world, each of which sees those before it and their replies."""
        row = self.apart(rng, documents)
        return Row(row.ids, row.kinds, [0] * len(row.ids), list(range(len(row.ids))))

    def examples(self, rng: random.Random, documents: int) -> Row:
        """One conversation about one world, all but the last question as worked examples."""
        shown = self._shown(rng, documents, rng.randint(1, 8))
        ids, kinds = list(shown.ids), self._corpus_kinds(shown.ids)
        for n, question in enumerate(shown.asked, 1):
            reply = self._encode(shown.reply(question))
            if n < len(shown.asked):
                example = layout.example(shown.kind, n, question.text, "").removesuffix("\n\n")
                head, reply = self._encode(example), reply + self._encode("\n\n")
            else:
                head, reply = self._encode(layout.query(shown.kind, question.text)) + self._turn, reply + self._end
            ids += head + reply
            kinds += [0] * len(head) + self._reply_kinds(reply, questions.HOPS[question.kind])
        return Row(ids, kinds, [0] * len(ids), list(range(len(ids))))

    def _shown(self, rng: random.Random, documents: int, count: int) -> _Shown:
        """A fresh world up to the questions, and up to `count` questions."""
        stream = world.entities(f"train/{rng.getrandbits(64)}", documents, rng.choice(TWINS))
        entities = list(islice(stream, documents))
        order = rng.sample(range(documents), documents)
        # Every number is seen in its role; those from 0, which are the ones of evaluation, most often.
        start = rng.choice((0, rng.randrange(words.IDS - documents)))
        numbers = {entity: start + place for place, entity in enumerate(order)}
        kind = rng.choice(("retrieval", "rag", "rag", "rag"))  # rag replies hold one lookup more
        asked = questions.chosen(rng, entities, MIX, count)
        corpus = (layout.document(numbers[e], entities[e].title, entities[e].text) for e in order)
        ids = [*self._begin, *self._encode(layout.INSTRUCTIONS[kind] + "".join(corpus))]
        return _Shown(kind, entities, numbers, ids, asked)

    def _corpus_kinds(self, ids: list[int]) -> list[int]:
        return [ECHO if before == self._before_echo else 0 for before in [0, *ids[:-1]]]

    def _reply_kinds(self, reply: list[int], hops: int) -> list[int]:
        kinds = []
        titles = 0
        for earlier, before in zip([0, 0, *reply[:-2]], [0, *reply[:-1]], strict=True):
            kind = REPLY
            if earlier == self._after_title:
                kind = SECOND
            elif before == self._after_title:
                titles += 1
                kind = TITLE if titles == 1 else HOP_TITLE
            elif before == self._after_id:
                kind = ID
            elif before == self._after_final:
                kind = ANSWER if hops == 1 else HOP_ANSWER
            kinds.append(kind)
        return kinds

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _one(self, text: str) -> int:
        [token] = self._encode(text)
        return token


def _padded(rows: list[list[int]], fill: int) -> Ints:
    """Rows of equal length, filled up at the end."""
    width = max(len(row) for row in rows)
    return np.array([row + [fill] * (width - len(row)) for row in rows])


__all__ = ["KIND_NAMES", "Archive", "Batch", "Row", "echo"]
