"""A small simulator of continuous batching with a prefix cache: what an order of requests costs on a replica.

It goes from event to event, not from token to token: while nobody joins or leaves, steps are priced in one stretch.
Requests are admitted first come, first served, as long as sequences and memory allow. Shared stretches stay cached
until their place is needed, the one unused for longest going first; a request's own tokens and its whole reply are
reserved when it is admitted. Shared text counts as cached from the moment at which the first request over it is
admitted: vLLM 0.32 enters a prompt's blocks in its cache when it schedules the prompt, so whoever comes behind finds
them there, in the same step even, and nobody is held back for a leader. What of the shared text ends in a block that is
not full is read again.

A step that reads and writes at once shares the matrix products: their arithmetic hides the reading of the weights.
Attention runs after them, as vLLM's kernels do. With `overlap`, arithmetic and memory traffic hide each other wholly,
and prompts are read in chunks that keep the two even: the bound that BlendServe (arXiv 2411.16102) comes within a
tenth of, on an engine built for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from evalkit.forecast.cache import PrefixCache
from evalkit.forecast.load import ROOT, Load
from evalkit.forecast.roofline import Replica

LEAST_CHUNK = 128
"""Prompt tokens that a step reads at least."""


class Job(msgspec.Struct, frozen=True):
    """One request as the simulator sees it."""

    context: int
    """Number of its last shared stretch in the load; ROOT where it shares nothing."""
    own: int
    """Prompt tokens after that."""
    reply: int
    fresh: int
    """Of its own tokens, those that must be read: 1 for a further draw of a prompt."""


class Outcome(msgspec.Struct, frozen=True):
    """What an order costs."""

    seconds: float = 0.0
    prefill_seconds: float = 0.0
    """Of these, reading prompts (with the steps of others that ride along)."""
    decode_seconds: float = 0.0
    """The rest: writing replies."""
    reread_seconds: float = 0.0
    """Of the writing, reading a shared context's keys and values once more for each further sequence in the batch."""
    prompt_tokens: int = 0
    computed_tokens: int = 0
    steps: int = 0

    def times(self, factor: float) -> Outcome:
        """The same work so many times over."""
        kinds = {f: type(getattr(self, f)) for f in self.__struct_fields__}
        return Outcome(**{f: kind(getattr(self, f) * factor) for f, kind in kinds.items()})


def simulate(replica: Replica, load: Load, jobs: Sequence[Job], *, overlap: bool = False) -> Outcome:
    """Serve jobs in the order given. Raises ValueError for a job that does not fit the memory by itself."""
    return _Server(replica, load, overlap=overlap).serve(jobs)


class _Reading(msgspec.Struct):
    """A job whose prompt is being read."""

    job: Job
    left: int
    """Prompt tokens still to be read."""
    at: int
    """Tokens before them."""


class _Server:
    def __init__(self, replica: Replica, load: Load, *, overlap: bool) -> None:
        self._replica, self._load, self._overlap = replica, load, overlap
        self._serving, self._cache = replica.serving, replica.serving.reuses
        self._prefix = PrefixCache(replica, load)
        self._lengths: dict[int, int] = {ROOT: 0}
        self._reading: deque[_Reading] = deque()
        self._contexts: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._left: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._running: list[Job] = []
        self._sharing: Counter[int] = Counter()
        self._times = {"prefill": 0.0, "decode": 0.0, "reread": 0.0}
        self._prompt = self._computed = self._steps = 0

    def serve(self, jobs: Sequence[Job]) -> Outcome:
        queue = deque(jobs)
        while queue or self._reading or self._running:
            self._admit(queue)
            if self._reading:
                self._read()
            else:
                self._write()
        prefill, decode, reread = self._times.values()
        return Outcome(prefill + decode, prefill, decode, reread, self._prompt, self._computed, self._steps)

    def _admit(self, queue: deque[Job]) -> None:
        """Let in the next jobs, in order, while there is room."""
        if not self._serving.continuous and (self._running or self._reading):
            return
        first = queue[0].context if queue else ROOT
        while queue and len(self._running) + len(self._reading) < self._serving.sequences:
            job = queue[0]
            if not self._serving.continuous and job.context != first:
                return
            shared = self._length(job.context)
            path = self._prefix.path(job.context) if self._cache else []
            if not self._serving.continuous and not self._reading:
                self._prefix.keep(path)
            missing, size = self._prefix.missing(path) if path else (0 if self._cache else shared, 0.0)
            own = self._own_bytes(job, shared)
            if not self._prefix.room(size + own, self._replica.kv_budget, path):
                if not self._running and not self._reading:
                    raise ValueError("a job does not fit the memory by itself")
                return
            queue.popleft()
            self._prefix.take(path)
            self._prefix.used += own
            known = shared + job.own - missing - job.fresh if self._cache else 0
            fresh = shared + job.own - known + known % self._serving.block
            self._prompt += shared + job.own
            self._computed += fresh
            self._reading.append(_Reading(job, fresh, shared + job.own - fresh))
            self._sharing[job.context] += 1

    def _read(self) -> None:
        """One step in which prompts are read, beside a token for each running sequence."""
        replica = self._replica
        step = replica.step_attention_seconds(self._contexts, self._shared()) if self._running else 0.0
        budget = max(1, self._serving.step_tokens - len(self._running))
        if self._overlap and self._running:
            budget = min(budget, self._balanced(step))
        attention, tokens = 0.0, len(self._running)
        done: list[Job] = []
        while self._reading and budget > 0:
            reading = self._reading[0]
            new = min(reading.left, budget)
            attention += replica.attention_seconds(new, reading.at)
            reading.left, reading.at = reading.left - new, reading.at + new
            budget -= new
            tokens += new
            if reading.left == 0:
                done.append(reading.job)
                self._reading.popleft()
        linear = replica.linear_seconds(tokens, len(self._running) + len(done))
        weights = replica.weight_seconds(tokens)
        if self._overlap:
            busy = max(linear + attention, weights + step)
            step = min(step, busy)
            self._spend(busy - step, step, 1)
        else:
            self._spend(max(linear, weights) + attention, step, 1)
        self._advance(1)
        for job in done:
            self._running.append(job)
        if done:
            starts = [self._length(job.context) + job.own + 1 for job in done]
            self._contexts = np.concatenate([self._contexts, np.array(starts, np.int64)])
            self._left = np.concatenate([self._left, np.array([job.reply - 1 for job in done], np.int64)])
            self._leave()

    def _balanced(self, step: float) -> int:
        """Tokens to be read in a step so that their arithmetic takes as long as the memory traffic beside them."""
        traffic = step + self._replica.weight_seconds(len(self._running))
        return max(LEAST_CHUNK, int(traffic / self._replica.linear_seconds(1, 0)))

    def _write(self) -> None:
        """Steps without reading, up to the next sequence's end, priced at the middle of the stretch."""
        count = int(self._left.min())
        middle = self._contexts + count // 2
        each = self._replica.decode_seconds(middle, self._shared()) - self._serving.step_seconds
        if self._overlap:
            rows = len(self._running)
            attention = self._replica.step_attention_seconds(middle, self._shared())
            memory = self._replica.weight_seconds(rows) + attention
            each = max(self._replica.linear_seconds(rows, rows), memory)
        self._spend(0.0, each * count, count)
        self._advance(count)

    def _spend(self, prefill: float, decode: float, steps: int) -> None:
        self._steps += steps
        overhead = self._serving.step_seconds * steps
        self._times["prefill"] += prefill + (overhead if prefill else 0.0)
        self._times["decode"] += decode + (0.0 if prefill else overhead)
        if self._cache and not self._serving.shares_reads and decode:
            again = sum((n - 1) * self._bytes(self._length(c)) for c, n in self._sharing.items() if n > 1)
            seconds = again * self._replica.copies / self._replica.bandwidth * steps
            self._times["reread"] += min(seconds, decode)

    def _advance(self, count: int) -> None:
        """Every running sequence has written so many tokens more."""
        if self._running:
            self._contexts += count
            self._left -= count
            self._leave()

    def _leave(self) -> None:
        """Sequences that have written everything make room."""
        ended = np.flatnonzero(self._left <= 0)
        if not len(ended):
            return
        for place in ended:
            job = self._running[int(place)]
            if self._cache:
                self._prefix.release(self._prefix.path(job.context))
            self._prefix.used -= self._own_bytes(job, self._length(job.context))
            self._sharing[job.context] -= 1
            if not self._sharing[job.context]:
                del self._sharing[job.context]
        keep = self._left > 0
        self._running = [job for job, stays in zip(self._running, keep, strict=True) if stays]
        self._contexts, self._left = self._contexts[keep], self._left[keep]

    def _own_bytes(self, job: Job, shared: int) -> float:
        whole = self._bytes(shared + job.own + job.reply)
        return whole - self._bytes(shared) if self._cache else whole

    def _bytes(self, tokens: int) -> float:
        return self._replica.shape.context_bytes(tokens)

    def _length(self, context: int) -> int:
        known = self._lengths.get(context)
        if known is None:
            known = self._lengths[context] = self._load.context_tokens(context)
        return known

    def _shared(self) -> int:
        """Tokens that all running sequences share, where the engine makes use of it."""
        if not self._serving.shares_reads or not self._running:
            return 0
        return self._length(self._running[0].context)


__all__ = ["Job", "Outcome", "simulate"]
