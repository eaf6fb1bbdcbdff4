"""Questions about a world, each with its exact answer and the documents that hold it, in the order they are needed.

Kinds: `fact` (What was the trade of Mara Venn?), `who` (Who was the owner of the compass?), `described` (What was the
trade of the owner of the compass?) and `link`, of two hops (What was the trade of the maker of Silent Harbour?). A
description stands in the document of the one it describes, so that only a link needs a second document.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import msgspec

from .world import RELATIONS, Entity, Fact

Kind = Literal["fact", "who", "described", "link"]
HOPS: dict[Kind, int] = {"fact": 1, "who": 1, "described": 1, "link": 2}
"""Documents that must be read to answer."""


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
        plain = [f for f in entity.facts if not f.relation.describes]
        found["fact"] += [_ask("fact", f, entity.title, (number,)) for f in plain]
        for fact in entity.facts:
            if fact.relation.describes:
                name = fact.relation.describes.format(v=fact.value)
                found["who"].append(Question("who", f"Who was {name}?", entity.title, (number,)))
                found["described"] += [_ask("described", f, name, (number,)) for f in plain]
            elif fact.target >= 0:
                start = f"the {fact.relation.noun} of {entity.title}"
                ends = [f for f in world[fact.target].facts if not f.relation.describes and f.target != number]
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
    "What was ", "Who was ", "?", *(f"the {r.noun} of " for r in RELATIONS if not r.describes),
    *(r.describes.split("{v}")[0] for r in RELATIONS if r.describes),
)
"""The fixed parts of questions, for the tokenizer."""

__all__ = ["HOPS", "PHRASES", "Kind", "Question", "chosen", "questions"]
