"""What the next batch is: echoes until copying works, then archives of slowly growing size.

The number of documents is drawn log-uniformly up to the present cap (every seventh batch: at the cap), for a model
trained at the cap alone forgets short archives. The cap is raised when single-hop lookups are right often enough, or
after a while: some lookups form only among many documents, where guessing does not help.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .batches import ANSWER, ECHO, ID, KIND_NAMES, Archive, Batch, echo

CAPS = (6, 10, 16, 26, 42, 72)
"""Most documents a batch can have, step by step; 72 are about 2k tokens, with the questions 3.2k."""
ECHO_LENGTHS = (24, 64)
COPIES = 0.85
"""Accuracy of echoes at which they grow longer; and at which archives begin."""
RAISE = 0.9
"""Accuracy of single-hop lookups at which the cap is raised."""
AT_CAP, STILL_ECHO = 0.15, 0.08
"""Shares of batches: archives at the cap; echoes after archives have begun."""
MEMORY = 0.95
"""Of the moving averages."""
SHORTEST_STAY, LONGEST_STAY = 30, 250
"""Fewest batches at one stage, and most at one cap."""


class Curriculum:
    """State of the course; `state` and `restore` make it part of a checkpoint."""

    def __init__(self) -> None:
        self.stage = 0
        """0 and 1: echoes of the two lengths; from 2 on: archives, cap CAPS[stage - 2]."""
        self.stay = 0
        self.accuracy = dict.fromkeys(KIND_NAMES, 0.0)

    @property
    def cap(self) -> int:
        """Most documents at present, 0 before the first archive."""
        return CAPS[self.stage - 2] if self.stage >= 2 else 0

    def next(self, archive: Archive, seed: int, step: int, size: int, first: int, vocabulary_size: int) -> Batch:
        """The batch of a step; equal state, seed and step give an equal batch."""
        rng = np.random.default_rng((seed, step))
        if self.stage < 2 or rng.random() < STILL_ECHO:
            return echo(rng, size, ECHO_LENGTHS[min(self.stage, 1)], first, vocabulary_size)
        drawn = round(math.exp(rng.uniform(math.log(CAPS[0]), math.log(self.cap))))
        return archive.batch(f"{seed}/{step}", size, self.cap if rng.random() < AT_CAP else drawn)

    def learn(self, right: Mapping[str, float], from_archive: bool) -> bool:
        """Take the accuracies of a batch into account; true if the stage was raised."""
        for kind, value in right.items():
            if kind != "echo" or from_archive == (self.stage >= 2):
                self.accuracy[kind] = MEMORY * self.accuracy[kind] + (1 - MEMORY) * value
        self.stay += 1
        lookups = (KIND_NAMES[ID - 1], KIND_NAMES[ANSWER - 1]) if self.stage >= 2 else (KIND_NAMES[ECHO - 1],)
        enough = RAISE if self.stage >= 2 else COPIES
        last = len(CAPS) + 1
        late = self.stage >= 2 and self.stay >= LONGEST_STAY
        unsure = any(self.accuracy[k] < enough for k in lookups) and not late
        if self.stage == last or self.stay < SHORTEST_STAY or unsure:
            return False
        self.stage, self.stay = self.stage + 1, 0
        return True

    def state(self) -> dict[str, Any]:
        """Everything to go on from."""
        return {"stage": self.stage, "stay": self.stay, "accuracy": dict(self.accuracy)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.stage, self.stay, self.accuracy = state["stage"], state["stay"], dict(state["accuracy"])


__all__ = ["CAPS", "Curriculum"]
