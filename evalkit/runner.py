"""The one loop: ask, plan, generate, store, read, grade.

A run first goes through all its samples without asking anything (`preflight`): data are loaded and checked, prompts are
scanned for privileged text, budgets are checked. Only then is the run directory made. After that, for each candidate
and task, windows of samples go round in waves (ask, plan, generate, store) until every `ask` returns nothing, and a
second pass reads and grades what the store holds. The two passes share nothing but the store: the candidate's pass
never holds an open reference, and grading can be repeated without asking a candidate again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from evalkit import plan
from evalkit.config import CandidateSpec, RunConfig
from evalkit.errors import DataError, EngineError, EvalkitError, FirewallError
from evalkit.observer import Observer
from evalkit.privileged import OutgoingScan, Privileged, grading
from evalkit.protocols import Engine, GradeItem, Grader, Task
from evalkit.records import DIGEST_BYTES, Answer, Completion, Grade, Request, Sample, Sampling
from evalkit.store import Place, Store

WINDOW = 2048
"""Samples planned together: the plan is optimal within a window, memory is bounded by it."""


class Bench(msgspec.Struct, frozen=True):
    """A task ready to run: built, with its graders and the number of samples preflight found."""

    address: str
    task: Task
    graders: Mapping[str, Grader]
    """By the name their scores go by."""
    fingerprints: Mapping[str, str]
    """Of the graders, likewise: code, version and options; a grader that has changed judges anew."""
    limit: int | None
    samples: int = 0

    def items(self) -> Iterator[tuple[int, Sample, Privileged]]:
        """Samples with their ordinals, in load order."""
        for ordinal, (sample, privileged) in enumerate(islice(self.task.load(), self.limit)):
            if privileged.id != sample.id:
                raise DataError(f"{self.address}: sample {sample.id!r} came with the reference of {privileged.id!r}")
            yield ordinal, sample, privileged


class Holding(msgspec.Struct, frozen=True):
    """What a task was found to hold: the number of its samples, and a digest of them and of their references."""

    samples: int
    digest: str


class Contestant(msgspec.Struct, frozen=True, dict=True):
    """A candidate ready to run: its settings, its engine, the tasks it is asked."""

    spec: CandidateSpec
    engine: Engine
    benches: tuple[Bench, ...]

    def stamp(self, request: Request, bench: Bench, config: RunConfig, draw: int) -> Request:
        """A task's request as this candidate gets it: with its sampling, its fingerprint and the draw."""
        known: dict[Sampling, Sampling] = self.__dict__.setdefault("_samplings", {})
        sampling = known.get(request.sampling)
        if sampling is None:
            sampling = known[request.sampling] = self.spec.sampling.over(request.sampling, config.seed)
        return msgspec.structs.replace(
            request, task=bench.address, sampling=sampling, draw=draw, model=self.engine.fingerprint
        )


class _Open(msgspec.Struct):
    """A sample on its way through the waves."""

    place: Place
    sample: Sample
    scan: OutgoingScan
    stored: Mapping[int, Completion]
    replies: list[Completion | None] = []
    generated: bool = False


def preflight(
    config: RunConfig, benches: Sequence[Bench], contestants: Sequence[Contestant], observer: Observer
) -> dict[str, Holding]:
    """Load, render and check everything once, before a run directory exists. Returns what each task holds.

    Raises DataError for data that do not fit (two samples of one id, an empty task), FirewallError for a leaking
    prompt, BudgetError where `overflow: error` and a prompt does not fit.
    """
    held: dict[str, Holding] = {}
    too_long: dict[str, list[plan.Overflow]] = {c.spec.name: [] for c in contestants}
    for bench in benches:
        observer.checking(bench.address)
        seen: set[str] = set()
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for _, sample, privileged in bench.items():
            digest.update(sample.digest + privileged.digest)
            if sample.id in seen:
                raise DataError(f"{bench.address}: two samples have the id {sample.id!r}")
            seen.add(sample.id)
            requests = bench.task.ask(sample, ())
            scan = OutgoingScan(privileged)
            for request in requests:
                scan.check(request.prompt, sample)
            if config.overflow == "error":
                for c in contestants:
                    if bench in c.benches:
                        sized = [c.stamp(r, bench, config, 0) for r in requests]
                        too_long[c.spec.name].extend(islice(plan.overflows(sized, c.engine), 100))
        if not seen:
            raise DataError(f"{bench.address}: the task has no samples")
        held[bench.address] = Holding(len(seen), digest.hexdigest())
    for name, found in too_long.items():
        plan.refuse(found, name)
    return held


def answer(config: RunConfig, contestant: Contestant, bench: Bench, store: Store, observer: Observer) -> int:
    """Ask one candidate everything about one task that the store does not know yet. Returns the number of errors."""
    candidate = store.number("candidate", contestant.spec.name, contestant.engine.fingerprint)
    task = store.number("task", bench.address)
    observer.phase(contestant.spec.name, bench.address, "answering", bench.samples * config.draws)
    errors = 0
    for window in _windows(bench.items()):
        start, stop = window[0][0], window[-1][0] + 1
        _record_samples(store, bench, task, window)
        stored = store.completions(candidate, task, start, stop)
        skipped = store.skipped(candidate, task, start, stop)
        opened = [
            _Open(place, sample, OutgoingScan(privileged), stored.get(place, {}), [])
            for ordinal, sample, privileged in window
            for draw in range(config.draws)
            if (place := Place(candidate, task, ordinal, draw)) not in skipped
        ]
        observer.advance(len(skipped))
        errors += _waves(config, contestant, bench, store, observer, opened)
        store.flush()
    return errors


def _waves(
    config: RunConfig, contestant: Contestant, bench: Bench, store: Store, observer: Observer, opened: list[_Open]
) -> int:
    """Take a window's samples through all their turns. Returns the number of samples that ended in an error.

    A later turn that does not fit the model leaves its sample skipped, whatever the policy: what the first turns cost
    is spent by then.
    """
    failed = 0
    active = opened
    while active:
        pending: dict[bytes, tuple[_Open, int, Request]] = {}
        asked: list[_Open] = []
        for state in active:
            requests = bench.task.ask(state.sample, tuple(r for r in state.replies if r is not None))
            if not requests:
                continue
            stamped = [contestant.stamp(r, bench, config, state.place.draw) for r in requests]
            if over := next(iter(plan.overflows(stamped, contestant.engine)), None):
                store.put_skipped(state.place, str(over))
                observer.advance(1)
                continue
            asked.append(state)
            for request in stamped:
                state.scan.check(request.prompt, state.sample)
                seq = len(state.replies)
                known = state.stored.get(seq)
                if known is not None and known.key == request.key and known.finish != "error":
                    state.replies.append(known)
                    observer.advance(seq == 0)
                elif request.key in pending:
                    raise DataError(
                        f"{bench.address}: sample {state.sample.id!r} asks the same question twice in one turn:"
                        " let the requests differ, in their `draw` at least"
                    )
                else:
                    state.replies.append(None)
                    pending[request.key] = (state, seq, request)
        _generate(contestant.engine, pending, store, observer)
        active = []
        for state in asked:
            if any(r is not None and r.finish in {"error", "missing"} for r in state.replies):
                failed += any(r is not None and r.finish == "error" for r in state.replies)
            else:
                active.append(state)
    return failed


def _generate(
    engine: Engine, pending: dict[bytes, tuple[_Open, int, Request]], store: Store, observer: Observer
) -> None:
    """Send a wave in the plan's order; hand each completion to the store as it comes."""
    waiting = len(pending)
    if not waiting:
        return
    sampling: dict[object, int] = {}
    for completion in _answers(engine, plan.depth_first(request for _, _, request in pending.values())):
        if completion.key not in pending:
            raise EngineError("the engine answered a request that it was not asked, or one of them twice")
        state, seq, request = pending.pop(completion.key)
        if request.sampling not in sampling:
            name = msgspec.json.encode(request.sampling).decode()
            sampling[request.sampling] = store.number("sampling", name)
        store.put_completion(state.place, seq, request, completion, sampling[request.sampling])
        state.replies[seq] = completion
        observer.done((completion,), len(pending))
        observer.advance(seq == 0)
    if pending:
        raise EngineError(f"the engine ended with {len(pending)} of {waiting} requests unanswered")


def _answers(engine: Engine, requests: Sequence[Request]) -> Iterator[Completion]:
    """What an engine generates; whatever breaks in it ends the run with one sentence, and what came before is kept."""
    try:
        yield from engine.generate(iter(requests))
    except (EvalkitError, GeneratorExit):
        raise
    except Exception as error:
        name = type(engine).__name__
        raise EngineError(f"the engine {name} failed, what it gave is kept: {type(error).__name__}: {error}") from error


def grade(
    config: RunConfig, contestant: Contestant, bench: Bench, label: str, store: Store, observer: Observer
) -> int:
    """Read and grade every stored answer of one candidate to one task that the grader of this name has not judged.

    Returns the number of answers on which the grader (or the task's own reader) failed; these are graded again.
    """
    grader = bench.graders[label]
    failed = 0
    candidate = store.number("candidate", contestant.spec.name, contestant.engine.fingerprint)
    task = store.number("task", bench.address)
    number = enter_graders(bench, store)[label]
    observer.phase(contestant.spec.name, bench.address, f"grading ({label})", bench.samples * config.draws)
    with grading(grader.name, grader.needs) as context:
        for window in _windows(bench.items()):
            start, stop = window[0][0], window[-1][0] + 1
            replies = store.completions(candidate, task, start, stop)
            judged = store.graded(candidate, task, number, start, stop) | store.skipped(candidate, task, start, stop)
            todo: list[tuple[Place, Answer]] = []
            items: list[GradeItem] = []
            for ordinal, sample, privileged in window:
                for draw in range(config.draws):
                    place = Place(candidate, task, ordinal, draw)
                    if place in judged:
                        continue
                    result = read_answer(bench.task, sample, list(replies.get(place, {}).values()))
                    if isinstance(result, Grade):
                        # what the engine failed on was counted when it was asked
                        failed += not any(r.finish == "error" for r in replies.get(place, {}).values())
                        store.put_grade(place, number, Answer(), result)
                    elif result.status != "answered":
                        store.put_grade(place, number, result, grader.zero(result.status))
                    else:
                        todo.append((place, result))
                        items.append(GradeItem(sample, result, context.open(privileged)))
            for (place, result), judgement in zip(todo, grader.read_all(items), strict=True):
                failed += judgement.status == "error"
                store.put_grade(place, number, result, judgement)
                observer.advance(1)
            observer.advance(len(window) * config.draws - len(todo))
    store.flush()
    return failed


def enter_graders(bench: Bench, store: Store) -> dict[str, int]:
    """The numbers of a task's graders, by the names their scores go by."""
    return {
        label: store.grader_number(f"{bench.address} {label}", bench.fingerprints[label], grader.metrics)
        for label, grader in bench.graders.items()
    }


def read_answer(task: Task, sample: Sample, replies: Sequence[Completion]) -> Answer | Grade:
    """The answer in stored replies.

    A failure is an `error` grade and not a wrong answer, whether the engine's (a server that is down says nothing about
    the model) or the task's own reader's.
    """
    failed = next((r for r in replies if r.finish == "error"), None)
    if failed is not None:
        return Grade(status="error", reason=f"the engine failed: {failed.error}")
    if not replies or any(r.finish == "missing" for r in replies):
        return Answer(status="missing")
    try:
        return task.read(sample, replies)
    except FirewallError:
        raise
    except Exception as error:
        return Grade(status="error", reason=f"{type(error).__name__} in task {task.family}: {error}")


def _record_samples(store: Store, bench: Bench, task: int, window: Sequence[tuple[int, Sample, Privileged]]) -> None:
    known = store.sample_ids(task, window[0][0], window[-1][0] + 1)
    for ordinal, sample, _ in window:
        before = known.get(ordinal)
        if before is None:
            store.put_sample(task, ordinal, sample)
        elif before != sample.id:
            raise DataError(
                f"{bench.address}: sample {ordinal} is {sample.id!r}, but was {before!r} when this run began:"
                " the data have changed, use another --out directory"
            )


def _windows(items: Iterable[tuple[int, Sample, Privileged]]) -> Iterator[list[tuple[int, Sample, Privileged]]]:
    iterator = iter(items)
    while window := list(islice(iterator, WINDOW)):
        yield window


__all__ = ["Bench", "Contestant", "Holding", "answer", "enter_graders", "grade", "preflight", "read_answer"]
