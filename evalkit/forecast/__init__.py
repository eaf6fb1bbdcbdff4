"""What a run will ask, and what it will take on given hardware, before anything is spent.

Every sample of every task is loaded and rendered, every prompt tokenised as the candidate's engine would do it
(`load`). The model's shape is read from its config (`shape`, `weights`), the hardware from a table (`hardware`), a step
is priced by a roofline with stated efficiencies (`roofline`), and orders of the whole load are simulated (`orders`,
`simulate`). Nothing is generated, no weights are loaded, no run directory is made. `forecast` returns a `Forecast`;
`evalkit.report.forecast` prints one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evalkit.assembly import build_bench, find_counter
from evalkit.catalogue import Catalogue
from evalkit.config import CandidateSpec, RunConfig, load_config
from evalkit.errors import ConfigError, DataError
from evalkit.forecast.candidate import Site, forecast_candidate
from evalkit.forecast.grading import grader_loads
from evalkit.forecast.hardware import hardware
from evalkit.forecast.load import Load, LoadCount
from evalkit.forecast.records import CandidateForecast, Capacity, Forecast, GraderLoad, Times
from evalkit.forecast.roofline import Assumptions
from evalkit.forecast.source import Source, limit_for, shape_for, source_of
from evalkit.participants import Bench
from evalkit.prompts import PromptEncoder, load_encoder
from evalkit.protocols import Task, TokenCounter
from evalkit.records import Completion, Request, Sample, Sampling


def forecast(
    config: RunConfig | Path | str,
    *,
    overrides: Sequence[str] = (),
    limit: int | None = None,
    gpu: str | None = None,
    gpus: int = 1,
    tp: int | None = None,
    rate: float | None = None,
    catalogue: Catalogue | None = None,
    assumptions: Assumptions | None = None,
) -> Forecast:
    """The forecast of a run file on `gpus` accelerators of a kind (None: what this machine has).

    `tp` of them hold one copy of a model (None: the candidate's own option, else the fewest that do); `rate` is US
    dollars for one of them and an hour. Raises UserError for what the run itself would refuse before it loads a model.
    """
    catalogue = catalogue or Catalogue()
    if not isinstance(config, RunConfig):
        config = load_config(catalogue.config_path(str(config)), overrides)
    site = Site(hardware(gpu), gpus, tp, rate, assumptions or Assumptions())
    if not site.hardware.accelerator and gpus > 1:
        raise ConfigError(f"--gpus {gpus}: a CPU is counted once, with all its cores")
    sources = {spec.name: source_of(spec, catalogue) for spec in config.candidates}
    counter = _counter(config, sources, catalogue)
    benches: list[Bench] = []
    try:
        for task in config.tasks:
            bench = build_bench(task, config, catalogue, counter, None)
            benches.append(msgspec.structs.replace(bench, limit=_least(bench.limit, limit)))
        encoders: dict[Path, PromptEncoder] = {}
        found = [
            _candidate(spec, sources[spec.name], config, _asked(spec, benches), site, encoders)
            for spec in config.candidates
        ]
        graders = [load for bench in benches for load in grader_loads(bench, _answers(config, bench), counter)]
    finally:
        for bench in benches:
            for grader in bench.graders.values():
                grader.close()
    return Forecast(
        name=config.name, hardware=site.hardware, gpus=gpus, draws=config.draws, overflow=config.overflow,
        assumptions=site.assumptions, candidates=tuple(found), graders=tuple(graders),
        tokenizer=counter.name if counter else "", rate=rate,
    )  # fmt: skip


def _candidate(
    spec: CandidateSpec, source: Source, config: RunConfig, benches: Sequence[Bench], site: Site,
    encoders: dict[Path, PromptEncoder],
) -> CandidateForecast:
    """One candidate's forecast; where there are no tokens, its samples and requests only."""
    named = CandidateForecast(spec.name, spec.engine, spec.model or "")
    if source.folder is None:
        samples = requests = 0
        for bench in benches:
            for sample in _samples(bench):
                samples += 1
                requests += len(bench.task.ask(sample, ())) * config.draws
        return msgspec.structs.replace(
            named, samples=samples, requests=requests, free=source.free, notes=(source.reason, *source.notes)
        )
    if source.folder not in encoders:
        encoders[source.folder] = load_encoder(source.folder)
    if not source.sized:
        counted = _count(spec, config, benches, LoadCount(encoders[source.folder], limit=None, draws=config.draws))
        return msgspec.structs.replace(
            named, tasks=counted.tasks, samples=counted.total("samples"), requests=counted.total("requests"),
            notes=source.notes,
        )  # fmt: skip
    shape = shape_for(spec, source.folder, site.hardware)
    limit = limit_for(spec, shape)
    load = _count(spec, config, benches, LoadCount(encoders[source.folder], limit=limit, draws=config.draws))
    problems = []
    if config.overflow == "error":
        problems = [
            f"{task.task}: {task.overflowing:,} of {task.overflowing + task.requests:,} prompts do not fit the model's"
            f" {limit:,} tokens (the longest takes {task.longest_overflow:,} with its reply), and `overflow: error`"
            " stops the run before anything is generated"
            for task in load.tasks if task.overflowing
        ]  # fmt: skip
    made = forecast_candidate(named, spec, shape, load, site)
    return msgspec.structs.replace(
        made, limit=limit, problems=(*problems, *made.problems), notes=(*source.notes, *shape.notes, *made.notes)
    )


def _count(spec: CandidateSpec, config: RunConfig, benches: Sequence[Bench], count: LoadCount) -> Load:
    """Everything that a candidate is asked, counted."""
    known: dict[Sampling, Sampling] = {}

    def stamped(request: Request) -> Request:
        sampling = known.get(request.sampling)
        if sampling is None:
            sampling = known[request.sampling] = spec.sampling.over(request.sampling, config.seed)
        return msgspec.structs.replace(request, sampling=sampling)

    for bench in benches:
        for sample in _samples(bench):
            first = bench.task.ask(sample, ())
            count.add(bench.address, map(stamped, first), later_turns=_later_turns(bench.task, sample, len(first)))
    return count.load


def _later_turns(task: Task, sample: Sample, first: int) -> int:
    """Turns after the first that a sample will have at least: its questions, or what is asked about empty replies."""
    listed = max(0, len(sample.question) - 1)
    if listed or not first:
        return listed
    try:
        return int(bool(task.ask(sample, (Completion(b""),) * first)))
    except Exception:  # a task may take no empty reply: then there is a next turn, or a reader that wants a text
        return 0


def _samples(bench: Bench) -> Iterator[Sample]:
    """A task's samples, read as they are needed. Raises DataError where it has none."""
    sample = None
    for _, sample, _ in bench.items():
        yield sample
    if sample is None:
        raise DataError(f"{bench.address}: the task has no samples")


def _asked(spec: CandidateSpec, benches: Sequence[Bench]) -> list[Bench]:
    """The tasks that a candidate is asked. Raises ConfigError where there are none."""
    mine = [b for b in benches if any(fnmatch.fnmatchcase(b.address, pattern) for pattern in spec.tasks)]
    if not mine:
        patterns = ", ".join(spec.tasks)
        raise ConfigError(f"candidate {spec.name!r} is asked nothing: no task of the run matches {patterns}")
    return mine


def _answers(config: RunConfig, bench: Bench) -> int:
    """Answers to each of a task's samples: candidates that are asked it, times draws."""
    asked = sum(any(fnmatch.fnmatchcase(bench.address, p) for p in spec.tasks) for spec in config.candidates)
    return asked * config.draws


def _counter(config: RunConfig, sources: dict[str, Source], catalogue: Catalogue) -> TokenCounter | None:
    """The tokenizer in which lengths are counted, by the rule that the run itself follows."""
    if config.tokenizer is not None:
        return find_counter(config.tokenizer, catalogue)
    folder = next((s.folder for s in sources.values() if s.folder is not None), None)
    return find_counter(str(folder), catalogue) if folder else None


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)


__all__ = [
    "Assumptions", "CandidateForecast", "Capacity", "Forecast", "GraderLoad", "Times", "forecast",
]
