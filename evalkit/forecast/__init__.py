"""What a run will ask, and what it will take on given hardware, before anything is spent.

Every sample of every task is loaded and rendered for every candidate (`answering`), and graders are led to ask their
judges about right answers (`judging`); every prompt is tokenised as the model's engine would do it (`load`). A model's
shape is read from its config (`shape`, `weights`), the hardware from a table (`hardware`), a step is priced by a
roofline with stated efficiencies (`roofline`), and orders of the whole load are simulated (`orders`, `simulate`; all of
it for each model in `model`). Nothing is generated, no weights are loaded, no run directory is made. `forecast` returns
a `Forecast`; `evalkit.report.forecast` prints one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from evalkit.assembly import asked, build_bench, find_counter
from evalkit.catalogue import Catalogue
from evalkit.config import ModelSpec, RunConfig, load_config
from evalkit.errors import ConfigError
from evalkit.forecast.answering import forecast_candidate
from evalkit.forecast.hardware import hardware
from evalkit.forecast.judging import forecast_judge
from evalkit.forecast.model import Site, total
from evalkit.forecast.pairing import check_adapters, panels, sharers
from evalkit.forecast.records import (
    CandidateForecast,
    Capacity,
    Forecast,
    JudgeForecast,
    ModelForecast,
    Times,
    Total,
)  # fmt: skip
from evalkit.forecast.roofline import Assumptions
from evalkit.forecast.source import Source, source_of
from evalkit.participants import Bench
from evalkit.prompts import PromptEncoder, load_encoder
from evalkit.protocols import TokenCounter

M = TypeVar("M", bound=ModelForecast)


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

    `tp` of them hold one copy of a model (None: the model's own option, else the fewest that do); `rate` is US
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
        candidates, judges = _models(config, sources, benches, site, catalogue)
    finally:
        for bench in benches:
            for grader in bench.graders.values():
                grader.close()
    return Forecast(
        name=config.name, hardware=site.hardware, gpus=gpus, draws=config.draws, overflow=config.overflow,
        assumptions=site.assumptions, candidates=candidates, judges=judges, total=total((*candidates, *judges), rate),
        tokenizer=counter.name if counter else "", rate=rate,
    )  # fmt: skip


def _models(
    config: RunConfig, sources: dict[str, Source], benches: Sequence[Bench], site: Site, catalogue: Catalogue
) -> tuple[tuple[CandidateForecast, ...], tuple[JudgeForecast, ...]]:
    """Candidates and judges, after all that the run would refuse has been."""
    mine = {spec.name: asked(spec, benches) for spec in config.candidates}
    for spec in config.candidates:
        check_adapters(spec, catalogue)
    asking = panels(config, benches)
    judged = {spec.name: source_of(spec, catalogue) for spec in config.judges}
    encoders: dict[Path, PromptEncoder] = {}

    def encoder(source: Source) -> PromptEncoder | None:
        if source.folder is None:
            return None
        if source.folder not in encoders:
            encoders[source.folder] = load_encoder(source.folder)
        return encoders[source.folder]

    candidates = []
    for spec in config.candidates:
        source = sources[spec.name]
        found = forecast_candidate(spec, source, encoder(source), config, mine[spec.name], site)
        candidates.append(_beside(spec, found, config))
    skipping = config.overflow == "skip" and any(task.overflowing for c in candidates for task in c.tasks)
    left_out = ("answers to samples that a candidate leaves out are counted here as if it gave them",) * skipping
    judges = []
    for judge in config.judges:
        made = forecast_judge(judge, judged[judge.name], config, asking[judge.name], site)
        judges.append(_beside(judge, msgspec.structs.replace(made, notes=(*made.notes, *left_out)), config))
    return tuple(candidates), tuple(judges)


def _beside(spec: ModelSpec, made: M, config: RunConfig) -> M:
    """A forecast with a note on who shares its engine."""
    others = sharers(spec, config)
    if not others:
        return made
    note = f"served by one engine together with {' and '.join(others)}: loaded once, and counted here apart"
    return msgspec.structs.replace(made, notes=(*made.notes, note))


def _counter(config: RunConfig, sources: dict[str, Source], catalogue: Catalogue) -> TokenCounter | None:
    """The tokenizer in which lengths are counted, by the rule that the run itself follows."""
    if config.tokenizer is not None:
        return find_counter(config.tokenizer, catalogue)
    folder = next((s.folder for s in sources.values() if s.folder is not None), None)
    return find_counter(str(folder), catalogue) if folder else None


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)


__all__ = [
    "Assumptions", "CandidateForecast", "Capacity", "Forecast", "JudgeForecast", "Times", "Total", "forecast",
]
