"""What a forecast says: plain figures, by candidate and task, each with its unit. `report.forecast` prints them."""

from __future__ import annotations

import msgspec

from evalkit.forecast.hardware import Hardware
from evalkit.forecast.load import TaskLoad
from evalkit.forecast.roofline import Assumptions
from evalkit.forecast.simulate import Outcome


class Capacity(msgspec.Struct, frozen=True):
    """A candidate's model on the hardware."""

    parameters: int
    active_parameters: float
    """Of these, what one token goes through."""
    weight_bytes: float
    tp: int
    """Accelerators that hold one copy."""
    replicas: int
    """Copies."""
    usable_bytes: float
    """Memory of one copy's accelerators that the engine takes, its workspace left out."""
    kv_bytes_per_token: float
    kv_bytes_per_late_token: float
    """The same in a context longer than every sliding window."""
    longest_context: int
    """Tokens of the longest prompt and its reply."""
    context_bytes: float
    """Keys and values of that one."""
    contexts: int
    """How many of that length fit on one copy."""
    cache_tokens: int
    """Tokens that fit on one copy, in contexts that no window cuts."""


class Times(msgspec.Struct, frozen=True):
    """Simulated wall times, the slowest replica's. All but `longest` with replies of the assumed length."""

    grouped: Outcome
    """In the plan's order: each context read once."""
    longest: Outcome
    """The same if every reply takes all the tokens that it may have."""
    shuffled: Outcome
    """With a prefix cache, in random order."""
    unshared: Outcome
    """Without any reuse: each prompt read whole."""
    blended: Outcome | None = None
    """Reading-heavy and writing-heavy contexts side by side; None where all contexts are of one kind."""
    blend_bound: float | None = None
    """Blend's gain (grouped / blended) on an engine whose arithmetic and memory traffic hide each other wholly."""
    scaled: float = 1.0
    """How many times over the simulated part stands for the whole; 1: all of it was simulated."""


class Cost(msgspec.Struct, frozen=True):
    """What a wall time comes to."""

    gpu_hours: float
    """Of all accelerators in use."""
    price: float | None = None
    """US dollars, where a rate is given."""


class CandidateForecast(msgspec.Struct, frozen=True):
    """One candidate."""

    candidate: str
    engine: str
    model: str
    tasks: tuple[TaskLoad, ...] = ()
    """Empty where there are no tokens to count."""
    samples: int = 0
    requests: int = 0
    """Of the first turn, draws included."""
    free: bool = False
    """Whether it costs nothing."""
    limit: int | None = None
    capacity: Capacity | None = None
    times: Times | None = None
    cost: Cost | None = None
    """At the assumed length of replies."""
    longest_cost: Cost | None = None
    """The same if every reply takes all the tokens that it may have."""
    problems: tuple[str, ...] = ()
    """Why the run could not start as it is."""
    notes: tuple[str, ...] = ()


class GraderLoad(msgspec.Struct):
    """What a grader that asks a model would ask about one task, of all candidates' answers together."""

    task: str
    grader: str
    answers: int = 0
    requests: int = 0
    """In its first round."""
    prompt_tokens: int = 0
    distinct_tokens: int = 0
    """Tokens of distinct segments: what must be read at least."""
    reply_tokens: int = 0
    """Most tokens of all its replies."""
    unknown: int = 0
    """Answers about which nobody can say beforehand what it would ask."""


class Forecast(msgspec.Struct, frozen=True):
    """What a run will ask and what it will take, before anything is spent."""

    name: str
    hardware: Hardware
    gpus: int
    draws: int
    overflow: str
    assumptions: Assumptions
    candidates: tuple[CandidateForecast, ...]
    graders: tuple[GraderLoad, ...] = ()
    tokenizer: str = ""
    """What lengths (and graders' requests) are counted in."""
    rate: float | None = None
    """US dollars for one GPU and hour."""
    notes: tuple[str, ...] = ()

    @property
    def can_start(self) -> bool:
        """Whether nothing was found that would keep the run from starting."""
        return not any(c.problems for c in self.candidates)


__all__ = ["CandidateForecast", "Capacity", "Cost", "Forecast", "GraderLoad", "Times"]
