"""What a forecast says: plain figures, by model and task, each with its unit. `report.forecast` prints them."""

from __future__ import annotations

import msgspec

from evalkit.config import NO_ADAPTER
from evalkit.forecast.hardware import Hardware
from evalkit.forecast.load import TaskLoad
from evalkit.forecast.roofline import Assumptions
from evalkit.forecast.simulate import Outcome


class Capacity(msgspec.Struct, frozen=True):
    """A model on the hardware."""

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


class ModelForecast(msgspec.Struct, frozen=True):
    """One model of a run, whoever asks it."""

    name: str
    engine: str
    model: str
    tasks: tuple[TaskLoad, ...] = ()
    """Empty where there are no tokens to count."""
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
    """Why the run could not start, or not end, as it is."""
    notes: tuple[str, ...] = ()


class CandidateForecast(ModelForecast, frozen=True):
    """One candidate, all of its adapters together."""

    samples: int = 0
    """Each is asked once for every adapter and draw."""
    adapters: tuple[str, ...] = (NO_ADAPTER,)


class JudgeForecast(ModelForecast, frozen=True):
    """One judge, all that its graders ask."""

    answers: int = 0
    """Answers of all candidates, adapters and draws, each counted once for every grader that looks at it."""
    unscored: int = 0
    """Of these, answers whose question does not fit the judge."""
    unknown: int = 0
    """Of these, answers about which nobody can say beforehand what would be asked."""


class Total(msgspec.Struct, frozen=True):
    """All engines of a run, one after another."""

    seconds: float
    """Wall time at the assumed length of replies."""
    longest_seconds: float
    """The same if every reply takes all the tokens that it may have."""
    cost: Cost
    longest_cost: Cost
    missing: tuple[str, ...] = ()
    """Candidates and judges whose time nobody can say, so that it is in none of these."""


class Forecast(msgspec.Struct, frozen=True):
    """What a run will ask and what it will take, before anything is spent."""

    name: str
    hardware: Hardware
    gpus: int
    draws: int
    overflow: str
    assumptions: Assumptions
    candidates: tuple[CandidateForecast, ...]
    judges: tuple[JudgeForecast, ...] = ()
    total: Total | None = None
    """None where no time can be said at all."""
    tokenizer: str = ""
    """What lengths are counted in."""
    rate: float | None = None
    """US dollars for one GPU and hour."""

    @property
    def models(self) -> tuple[ModelForecast, ...]:
        """Candidates and judges."""
        return (*self.candidates, *self.judges)

    @property
    def can_start(self) -> bool:
        """Whether nothing was found that would keep the run from starting."""
        return not any(m.problems for m in self.models)


__all__ = [
    "CandidateForecast", "Capacity", "Cost", "Forecast", "JudgeForecast", "ModelForecast", "Times", "Total",
]
