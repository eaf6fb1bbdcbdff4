"""Training batches: token ids, and for each token what kind of prediction it is (0: not trained on).

Two kinds of batch. *Echo*: random tokens, then their own chunks in shuffled order; from these the copying circuit
forms. *Archive*: a fresh world and many questions in the very prompt that evaluation uses, all but the last question as
worked examples; trained on the replies and on the number that ends each document. Worlds are seeded apart from all that
evaluation can draw (`train/SEED/STEP/ROW`).
"""

from __future__ import annotations

import random
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ...loft import layout
from .. import questions, world
from . import tokenizer as vocabulary

ECHO, REPLY, TITLE, HOP_TITLE, ID, ANSWER, HOP_ANSWER = range(1, 8)
"""Kinds of prediction: an echo; an easy token of a reply; first word of the first and second title; a document's number
in a reply; first word of the answer after one and two hops."""
KIND_NAMES = ("echo", "reply", "title", "hop_title", "id", "answer", "hop_answer")
MIX: tuple[questions.Kind, ...] = ("fact",) * 8 + ("byname",) * 2 + ("who",) * 4 + ("link",) * 6
"""Kinds of question in their proportions."""

Ints = NDArray[np.int64]


class Batch(msgspec.Struct, frozen=True):
    """Rows of equal length, padded at the end."""

    ids: Ints
    kinds: Ints
    """Kind of prediction that yields the token at this place; 0 is not trained on."""
    documents: int = 0


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
    return Batch(ids, kinds)


class Archive:
    """Makes archive batches for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        ids = {name: tokenizer.token_to_id(name) for name in vocabulary.SPECIAL}
        self.pad: int = ids[vocabulary.PAD]
        self._begin = [ids[vocabulary.BOS], ids[vocabulary.USER]]
        self._turn = [ids[vocabulary.END], ids[vocabulary.ASSISTANT]]
        self._end = [ids[vocabulary.END]]
        self._after_title = self._one("TITLE: ")
        self._after_id = self._one(" | ID: ")
        self._after_final = self._one(layout.final_answer(["x"]).split("x")[0])
        self._before_echo = self._one(layout.document(0, "x", "x.").split("x")[-1].split("0")[0])

    def batch(self, seed: str, size: int, documents: int) -> Batch:
        """About `size` tokens of worlds of `documents` documents each."""
        rows: list[tuple[list[int], list[int]]] = []
        while not rows or sum(len(ids) for ids, _ in rows) + len(rows[0][0]) // 2 < size:
            rows.append(self.row(random.Random(f"train/{seed}/{len(rows)}"), documents))
        width = max(len(ids) for ids, _ in rows)
        padded = [np.array([ids + [self.pad] * (width - len(ids)) for ids, _ in rows])]
        padded += [np.array([kinds + [0] * (width - len(kinds)) for _, kinds in rows])]
        return Batch(padded[0], padded[1], documents)

    def row(self, rng: random.Random, documents: int) -> tuple[list[int], list[int]]:
        """One conversation about one world, as token ids and kinds."""
        entities = list(islice(world.entities(f"train/{rng.getrandbits(64)}", documents), documents))
        order = rng.sample(range(documents), documents)
        start = rng.choice((0, rng.randrange(1000 - documents)))  # every number is seen in its role, 0 most often first
        numbers = {entity: start + place for place, entity in enumerate(order)}
        kind = rng.choice(("retrieval", "rag"))
        count = rng.choice((1, rng.randint(2, 6), *(min(32, max(8, documents)),) * 4))
        asked = questions.chosen(rng, entities, MIX, count)
        corpus = (layout.document(numbers[e], entities[e].title, entities[e].text) for e in order)
        ids = [*self._begin, *self._encode(layout.INSTRUCTIONS[kind] + "".join(corpus))]
        kinds = [ECHO if before == self._before_echo else 0 for before in [0, *ids[:-1]]]
        for n, question in enumerate(asked, 1):
            gold = [(numbers[e], entities[e].title, entities[e].text) for e in question.gold]
            answers = [str(n) for n, _, _ in gold] if kind == "retrieval" else [question.answer]
            reply = self._encode(layout.reply(gold, answers))
            if n < len(asked):
                head, reply = self._example(kind, n, question.text), reply + self._encode("\n\n")
            else:
                head, reply = self._encode(layout.query(kind, question.text)) + self._turn, reply + self._end
            ids += head + reply
            kinds += [0] * len(head) + self._reply_kinds(reply, questions.HOPS[question.kind])
        return ids, kinds

    def _example(self, kind: str, number: int, question: str) -> list[int]:
        return self._encode(layout.example(kind, number, question, "").removesuffix("\n\n"))

    def _reply_kinds(self, reply: list[int], hops: int) -> list[int]:
        kinds = []
        titles = 0
        for before in [0, *reply[:-1]]:
            kind = REPLY
            if before == self._after_title:
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


__all__ = ["KIND_NAMES", "Archive", "Batch", "echo"]
