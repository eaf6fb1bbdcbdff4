"""The orders in which a load can be served, and the jobs of each: whole contexts together, shuffled, or blended.

`blended` follows the rule by which `plan.blended` orders a run: what is to be read against what may be written, each as
a share of its sum. What is read is counted in tokens of the prefix tree here and in characters of whole segments there,
and two tasks over one text are two contexts here; seconds, which only a forecast knows, decide nothing.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec
import numpy as np

from evalkit.forecast.load import ROOT, Group, Load
from evalkit.forecast.roofline import Replica
from evalkit.forecast.simulate import Job

MOST = 4000
"""Requests that are simulated; of a larger load, whole contexts are left out evenly and the outcome is scaled."""
BATCH = 32
"""Sequences over which the reading of weights is spread where one context's work is estimated by itself."""


class Work(msgspec.Struct, frozen=True):
    """A context's jobs, and what they will take."""

    jobs: tuple[Job, ...]
    arithmetic: float
    """Seconds."""
    traffic: float
    """Seconds of memory traffic."""
    reading: float
    """Prompt tokens: the shared text once, and what each request adds, as `plan.blended` weighs a context."""
    writing: float
    """Most tokens that the replies may have."""
    time: int = 0
    """Number of the adapter."""

    @property
    def seconds(self) -> float:
        """Both, one after the other."""
        return self.arithmetic + self.traffic


def works(load: Load, replica: Replica, reply_share: float) -> list[Work]:
    """The load depth-first: task by task, and the contexts of a task along the prefix tree."""
    tasks = {task.task: number for number, task in enumerate(load.tasks)}
    ordered = sorted(load.groups, key=lambda g: (tasks[g.task], _path(load, g.context)))
    return [_work(load, replica, group, reply_share) for group in ordered]


def shares(found: Sequence[Work], replicas: int) -> list[list[Work]]:
    """Contexts given to replicas, each whole to one, the largest first to whoever has least; what shares nothing is
    dealt out evenly."""
    given: list[list[Work]] = [[] for _ in range(replicas)]
    busy = [0.0] * replicas
    parts = [part for work in found for part in _parts(work, replicas)]
    places: dict[int, int] = {}
    for number in sorted(range(len(parts)), key=lambda n: -parts[n].seconds):
        least = busy.index(min(busy))
        places[number] = least
        busy[least] += parts[number].seconds
    for number, part in enumerate(parts):
        given[places[number]].append(part)
    return given


def thinned(found: Sequence[Work], most: int = MOST) -> tuple[list[Work], float]:
    """Evenly chosen contexts with at most so many jobs together, and how many times over they stand for the whole."""
    total = sum(len(work.jobs) for work in found)
    if total <= most:
        return list(found), 1.0
    cut = [_first(work, most) for work in found]
    step = max(1, -(-sum(len(work.jobs) for work in cut) // most))
    kept = cut[::step]
    while sum(len(work.jobs) for work in kept) > most and len(kept) > 1:
        kept = kept[::2]
    return kept, sum(work.seconds for work in found) / sum(work.seconds for work in kept)


def grouped(found: Iterable[Work]) -> list[Job]:
    """Whole contexts, one after the other."""
    return [job for work in found for job in work.jobs]


def shuffled(found: Iterable[Work], seed: int = 0) -> list[Job]:
    """All jobs in random order."""
    jobs = grouped(found)
    random.Random(seed).shuffle(jobs)
    return jobs


def blended(found: Iterable[Work]) -> list[Job]:
    """By adapter; within one from both ends, so that reading and writing progress in step, as `plan.blended` does it.

    A context that is mostly read is taken whole, lest it lose its place in the cache between two of its questions.
    """
    ordered = sorted((w for w in found if w.jobs), key=lambda w: w.time)
    return [job for _, mine in groupby(ordered, key=lambda w: w.time) for job in _from_both_ends(list(mine))]


def _from_both_ends(found: Sequence[Work]) -> Iterator[Job]:
    ranked = sorted(found, key=lambda w: -w.reading / max(w.writing, 1))
    reading, writing = sum(w.reading for w in ranked) or 1, sum(w.writing for w in ranked) or 1
    queues = [deque(work.jobs) for work in ranked]
    low, high = 0, len(ranked) - 1
    read = written = 0.0
    while low <= high:
        side = low if read / reading <= written / writing else high
        work = ranked[side]
        taken = len(queues[side]) if side == low else 1
        yield from (queues[side].popleft() for _ in range(taken))
        read += work.reading * taken / len(work.jobs)
        written += work.writing * taken / len(work.jobs)
        if not queues[side]:
            low, high = (low + 1, high) if side == low else (low, high - 1)


def _work(load: Load, replica: Replica, group: Group, reply_share: float) -> Work:
    """A group as jobs of mean length (lengths within a group differ little), and what it takes."""
    shared = load.context_tokens(group.context)
    own = max(1, round(group.own_tokens / group.requests))
    reply = max(1, round(group.reply_tokens / group.requests * reply_share))
    leader = Job(group.context, own, reply, own)
    further = Job(group.context, own, reply, 1)
    count = group.requests * group.draws
    read = shared + group.own_tokens
    arithmetic = replica.linear_seconds(read, count) + replica.attention_seconds(shared, 0)
    arithmetic += replica.attention_seconds(own, shared) * group.requests
    middle = np.full(BATCH, shared + own + reply // 2, np.int64)
    traffic = replica.decode_seconds(middle, shared) * reply * count / BATCH
    return Work(
        jobs=(leader, *[further] * (group.draws - 1)) * group.requests, arithmetic=arithmetic, traffic=traffic,
        reading=shared + group.own_tokens * group.draws, writing=group.reply_tokens * group.draws, time=group.time,
    )  # fmt: skip


def _parts(work: Work, replicas: int) -> list[Work]:
    """Work that shares nothing in as many parts as there are replicas; any other whole."""
    if replicas == 1 or not work.jobs or work.jobs[0].context != ROOT:
        return [work]
    size = -(-len(work.jobs) // replicas)
    return [_slice(work, start, start + size) for start in range(0, len(work.jobs), size)]


def _first(work: Work, most: int) -> Work:
    return work if len(work.jobs) <= most else _slice(work, 0, most)


def _slice(work: Work, start: int, stop: int) -> Work:
    jobs = work.jobs[start:stop]
    share = len(jobs) / len(work.jobs)
    scaled = {of: getattr(work, of) * share for of in ("arithmetic", "traffic", "reading", "writing")}
    return msgspec.structs.replace(work, jobs=jobs, **scaled)


def _path(load: Load, context: int) -> tuple[int, ...]:
    """Numbers of the stretches from the root to a context: its place in the prefix tree."""
    found: list[int] = []
    while context != ROOT:
        found.append(context)
        context = load.stretches[context].parent
    return tuple(reversed(found))


__all__ = ["MOST", "Work", "blended", "grouped", "shares", "shuffled", "thinned", "works"]
