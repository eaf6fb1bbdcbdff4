"""A model's load on its hardware: whether it fits, how long it takes in one order or another, what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from evalkit.config import ModelSpec
from evalkit.forecast import orders
from evalkit.forecast.hardware import Hardware
from evalkit.forecast.load import Load, LoadCount
from evalkit.forecast.orders import Work
from evalkit.forecast.records import Capacity, Cost, ModelForecast, Times, Total
from evalkit.forecast.roofline import Assumptions, Replica, check_tp, smallest_tp
from evalkit.forecast.shape import Shape
from evalkit.forecast.simulate import Job, Outcome, simulate
from evalkit.forecast.source import Source, limit_for, serving_for, setting, shape_for
from evalkit.prompts import PromptEncoder

M = TypeVar("M", bound=ModelForecast)
KINDS_APART = 4
"""Blend is shown where the contexts' ratios of arithmetic to memory traffic lie this many times apart."""


class Site(msgspec.Struct, frozen=True):
    """Where the run shall take place."""

    hardware: Hardware
    gpus: int = 1
    tp: int | None = None
    """Accelerators that hold one copy of a model, None where that is left to each model."""
    rate: float | None = None
    """US dollars for one GPU and hour."""
    assumptions: Assumptions = Assumptions()


def forecast_model(
    named: M, spec: ModelSpec, source: Source, encoder: PromptEncoder, counted: Callable[[LoadCount], Load], site: Site,
    *, draws: int = 1,
) -> M:  # fmt: skip
    """The forecast of a model whose tokens can be counted; `counted` puts all that it is asked into a `LoadCount`."""
    if source.folder is None or not source.sized:
        load = counted(LoadCount(encoder, limit=None, draws=draws))
        requests = load.total("requests")
        return msgspec.structs.replace(named, tasks=load.tasks, requests=requests, notes=source.notes)
    shape = shape_for(spec, source.folder, site.hardware)
    limit = limit_for(spec, shape)
    load = counted(LoadCount(encoder, limit=limit, draws=draws))
    made = _served(named, spec, shape, load, site)
    return msgspec.structs.replace(made, limit=limit, notes=(*source.notes, *shape.notes, *made.notes))


def total(models: Iterable[ModelForecast], rate: float | None) -> Total | None:
    """All models one after another, as engines of a run work; None where no time is known."""
    found = list(models)
    timed = [m for m in found if m.times and m.cost and m.longest_cost]
    if not timed:
        return None
    hours = [sum(c.gpu_hours for m in timed if (c := getattr(m, which))) for which in ("cost", "longest_cost")]
    return Total(
        seconds=sum(m.times.grouped.seconds for m in timed if m.times),
        longest_seconds=sum(m.times.longest.seconds for m in timed if m.times),
        cost=_cost(hours[0], rate), longest_cost=_cost(hours[1], rate),
        missing=tuple(m.name for m in found if m.requests and not m.free and not m.times),
    )  # fmt: skip


def _served(named: M, spec: ModelSpec, shape: Shape, load: Load, site: Site) -> M:
    longest = max((task.longest_prompt + _longest_reply(load, task.task) for task in load.tasks), default=0)
    replica = _replica(spec, shape, site, longest)
    replicas = max(1, site.gpus // replica.tp)
    if spec.engine == "hf":
        replicas = 1  # the engine has no copies: it uses one device
    capacity = _capacity(replica, replicas, longest)
    problems = _misfit(replica, capacity)
    notes = [] if replicas * replica.tp == site.gpus else [
        f"engine {spec.engine!r} uses {replicas * replica.tp} of the {site.gpus} GPUs"
    ]  # fmt: skip
    times = cost = longest_cost = None
    if not problems and load.total("requests"):
        times = timed(replica, replicas, load)
        gpus = replicas * replica.tp
        cost, longest_cost = (
            _cost(o.seconds / 3600 * gpus, site.rate) for o in (times.grouped, times.longest)
        )  # fmt: skip
    return msgspec.structs.replace(
        named, tasks=load.tasks, requests=load.total("requests"), capacity=capacity, times=times, cost=cost,
        longest_cost=longest_cost, problems=tuple(problems), notes=tuple(notes),
    )  # fmt: skip


def timed(replica: Replica, replicas: int, load: Load) -> Times:
    """The load in several orders, simulated. Every request must fit a replica by itself."""
    share = replica.assumptions.reply_share
    works, factor = orders.thinned(orders.works(load, replica, share))
    fullest, full_factor = orders.thinned(orders.works(load, replica, 1.0))

    def slowest(
        parts: Sequence[Work], order: Callable[[Sequence[Work]], list[Job]], scale: float,
        *, on: Replica = replica, overlap: bool = False,
    ) -> Outcome:  # fmt: skip
        outcomes = [
            simulate(on, load, order(given), overlap=overlap)
            for given in orders.shares(parts, replicas) if given
        ]  # fmt: skip
        last = max(outcomes, key=lambda o: o.seconds)
        tokens = (sum(o.prompt_tokens for o in outcomes), sum(o.computed_tokens for o in outcomes))
        summed = msgspec.structs.replace(last, prompt_tokens=tokens[0], computed_tokens=tokens[1])
        return summed.times(scale)

    whole = msgspec.structs.replace(replica, serving=replica.serving.without_reuse)
    plain = slowest(works, orders.grouped, factor)
    blended = bound = None
    if replica.serving.continuous and _of_two_kinds(works):
        blended = slowest(works, orders.blended, factor)
        hidden = [slowest(works, order, factor, overlap=True).seconds for order in (orders.grouped, orders.blended)]
        bound = hidden[0] / hidden[1]
    return Times(
        grouped=plain,
        longest=slowest(fullest, orders.grouped, full_factor),
        shuffled=slowest(works, orders.shuffled, factor),
        unshared=slowest(works, orders.grouped, factor, on=whole),
        blended=blended,
        blend_bound=bound,
        scaled=factor,
    )


def _replica(spec: ModelSpec, shape: Shape, site: Site, longest: int) -> Replica:
    serving = serving_for(spec, shape, site.hardware, longest)
    stated = site.tp or setting(spec.options, "tensor_parallel_size", None)
    if spec.engine == "hf" and not site.tp:
        tp = 1
    elif stated:
        tp = int(stated)
        check_tp(tp, site.gpus, shape)
    else:
        tp = smallest_tp(shape, site.hardware, site.gpus, serving, longest)
    return Replica(shape, site.hardware, tp, serving, site.assumptions)


def _capacity(replica: Replica, replicas: int, longest: int) -> Capacity:
    shape = replica.shape
    return Capacity(
        parameters=shape.weights.total,
        active_parameters=shape.weights.active + shape.weights.width,
        weight_bytes=shape.weights.bytes,
        tp=replica.tp,
        replicas=replicas,
        usable_bytes=replica.memory,
        kv_bytes_per_token=shape.kv_bytes_per_token,
        kv_bytes_per_late_token=shape.kv_bytes_per_late_token,
        longest_context=longest,
        context_bytes=shape.context_bytes(longest),
        contexts=replica.contexts(longest),
        cache_tokens=replica.cache_tokens,
    )


def _misfit(replica: Replica, capacity: Capacity) -> list[str]:
    """Why the model or its longest context does not fit, in a sentence; nothing where it does."""
    on = f"{replica.tp} x {replica.hardware.name}" if replica.hardware.accelerator else "this machine's memory"
    usable = f"{capacity.usable_bytes / 1e9:,.1f} GB"
    if capacity.weight_bytes >= capacity.usable_bytes:
        return [
            f"the weights of {replica.shape.name} take {capacity.weight_bytes / 1e9:,.1f} GB, and {on} can give"
            f" {usable}: more GPUs (--gpus, --tp), larger ones (--gpu) or a quantised model"
        ]
    if capacity.longest_context and capacity.contexts < 1:
        return [
            f"the longest context ({capacity.longest_context:,} tokens) keeps {capacity.context_bytes / 1e9:,.1f} GB of"
            f" keys and values, and {on} can give {max(0.0, replica.kv_budget) / 1e9:,.1f} GB beside the weights:"
            " more GPUs (--gpus, --tp), shorter contexts, or a cache in fp8 (`kv_cache_dtype`)"
        ]
    return []


def _cost(hours: float, rate: float | None) -> Cost:
    return Cost(hours, None if rate is None else hours * rate)


def _longest_reply(load: Load, task: str) -> int:
    """The longest reply of a task, by the group with the longest ones (within a group they are equal in practice)."""
    return max((-(-g.reply_tokens // g.requests) for g in load.groups if g.task == task), default=0)


def _of_two_kinds(works: Sequence[Work]) -> bool:
    ratios = [w.arithmetic / w.traffic for w in works if w.traffic]
    return len(ratios) > 1 and max(ratios) > KINDS_APART * min(ratios)


__all__ = ["KINDS_APART", "Site", "forecast_model", "timed", "total"]
