"""Questions about a world, each with its exact answer and the documents that hold it, in the order they are needed.

Kinds: `fact` (What was the trade of Mara Venn?), `byname` (the same, the person named by the byname), `who` (Who owned
the compass?) and `link`, of two hops (What was the trade of the maker of Silent Harbour?).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import msgspec

from .world import NOUNS, Entity, Fact

Kind = Literal["fact", "byname", "who", "link"]
HOPS: dict[Kind, int] = {"fact": 1, "byname": 1, "who": 1, "link": 2}
"""Documents that must be read to answer."""
_WHO = {"keepsake": "Who owned the {v}?", "byname": "Who was known as {v}?"}


class Question(msgspec.Struct, frozen=True):
    """One question with its key."""

    kind: Kind
    text: str
    answer: str
    gold: tuple[int, ...]
    """Numbers of the entities whose documents answer it, in the order of the hops."""


def questions(world: Sequence[Entity]) -> dict[Kind, list[Question]]:
    """All questions by kind that can be asked about these entities, which must point at one another only."""
    found: dict[Kind, list[Question]] = {kind: [] for kind in HOPS}
    for number, entity in enumerate(world):
        for fact in entity.facts:
            noun = fact.relation.noun
            found["fact"].append(_ask("fact", fact, entity.title, (number,)))
            if noun in _WHO:
                text = _WHO[noun].format(v=fact.value)
                found["who"].append(Question("who", text, entity.title, (number,)))
            if noun == "byname":
                others = [f for f in entity.facts if f is not fact]
                found["byname"] += [_ask("byname", f, fact.value, (number,)) for f in others]
            if fact.target >= 0:
                start = f"the {noun} of {entity.title}"
                ends = [f for f in world[fact.target].facts if f.target != number]
                found["link"] += [_ask("link", f, start, (number, fact.target)) for f in ends]
    return found


def chosen(rng: random.Random, world: Sequence[Entity], kinds: Sequence[Kind], count: int) -> list[Question]:
    """`count` different questions, or all there are, of kinds drawn in the given proportions."""
    pools = {kind: rng.sample(pool, len(pool)) for kind, pool in questions(world).items() if kind in kinds}
    picked: list[Question] = []
    while len(picked) < count and any(pools.values()):
        pool = pools[rng.choice(kinds)]
        if pool:
            picked.append(pool.pop())
    return picked


def _ask(kind: Kind, fact: Fact, about: str, gold: tuple[int, ...]) -> Question:
    head = "Who" if fact.relation.target == "person" else "What"
    return Question(kind, f"{head} was the {fact.relation.noun} of {about}?", fact.value, gold)


PHRASES = (
    "What was ", "Who was ", *(f"the {noun} of " for noun in NOUNS), "?", *(w.split("{v}")[0] for w in _WHO.values())
)
"""The fixed parts of questions, for the tokenizer."""

__all__ = ["HOPS", "PHRASES", "Kind", "Question", "chosen", "questions"]
