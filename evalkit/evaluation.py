"""A run from its config to its results: assemble, check, make the directory, go round the loop.

`run()` is what the command line and the Python API call. Everything that can be wrong with a config, its data or its
models is found before the run directory exists, so that a mistake leaves nothing half-written. A run directory is its
own resume point: the same config on the same directory goes on where it stopped.
"""

from __future__ import annotations

import fnmatch
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import yaml

from evalkit.catalogue import Catalogue, parse_address
from evalkit.config import CandidateSpec, GraderSpec, RunConfig, TaskSpec, load_config, validate
from evalkit.engines import engine_class
from evalkit.errors import ConfigError, RunExistsError, StorageError, nearest
from evalkit.lock import NAME as LOCK_FILE
from evalkit.lock import RunLock
from evalkit.observer import Observer, Silent
from evalkit.protocols import Engine, Grader, Task, TaskContext, TokenCounter
from evalkit.results import Run, read_facts
from evalkit.runner import Bench, Contestant, Holding, answer, enter_graders, grade, preflight
from evalkit.store import Store

DRAFT = ".run.yaml.new"
UNBEGUN = (DRAFT, LOCK_FILE)
"""What a run may leave that ended before its run.yaml was written: on a full disk, say."""
RECORDED_PACKAGES = ("evalkit-lm", "torch", "transformers", "vllm", "numpy", "math-verify", "bm25s")


def run(
    config: RunConfig | Path | str,
    *,
    limit: int | None = None,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    observer: Observer | None = None,
) -> Run:
    """Run a config (or go on with it, where `out` already holds it) and return its results.

    `limit` caps the samples of every task; `out` defaults to `runs/NAME`. Raises UserError for anything wrong with the
    config, the data or the directory, before anything is generated; StorageError when the disk gives out.
    """
    catalogue = catalogue or Catalogue()
    if not isinstance(config, RunConfig):
        config = load_config(catalogue.config_path(str(config)), overrides)
    if limit is not None:
        config = _limited(config, limit)
    folder = Path(out) if out is not None else Path("runs") / config.name
    return _run(config, folder, catalogue, observer or Silent())


def resume(folder: Path | str, *, catalogue: Catalogue | None = None, observer: Observer | None = None) -> Run:
    """Go on with the run in a directory, with the catalogues it was begun with unless others are given.

    Raises ConfigError where there is none.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    config = validate(RunConfig, facts["config"], where=str(folder / "run.yaml"))
    catalogue = catalogue or Catalogue([Path(root) for root in facts.get("catalogues", ())])
    return _run(config, folder, catalogue, observer or Silent())


def _run(config: RunConfig, folder: Path, catalogue: Catalogue, observer: Observer) -> Run:
    refuse_other_run(config, folder)
    lock = RunLock(folder) if (folder / "run.yaml").is_file() else None  # before anything is loaded for nothing
    engines: list[Engine] = []
    benches: list[Bench] = []
    try:
        engines.extend(build_engine(spec, catalogue) for spec in config.candidates)
        counter = _counter(config, engines, catalogue)
        benches.extend(build_bench(spec, config, catalogue, counter) for spec in config.tasks)
        contestants = [_contestant(spec, e, benches) for spec, e in zip(config.candidates, engines, strict=True)]
        _refuse_idle_tasks(benches, contestants)
        held = preflight(config, benches, contestants, observer)
        benches[:] = [msgspec.structs.replace(b, samples=held[b.address].samples) for b in benches]
        contestants = [_contestant(spec, e, benches) for spec, e in zip(config.candidates, engines, strict=True)]
        facts = _facts(config, contestants, held, counter, catalogue)
        lock = lock or _made(folder)
        _record(folder, config, facts)
        errors = _loop(config, contestants, Store(folder, lock), observer)
    finally:
        if lock is not None:
            lock.release()
        for engine in engines:
            engine.close()
        for bench in benches:
            for grader in bench.graders.values():
                grader.close()
    return Run(folder, errors=errors)


def _loop(config: RunConfig, contestants: Sequence[Contestant], store: Store, observer: Observer) -> int:
    errors = 0
    try:
        for bench in {b.address: b for c in contestants for b in c.benches}.values():
            enter_graders(bench, store)  # so that a run which stops early knows of all of them
        for contestant in contestants:
            for bench in contestant.benches:
                errors += answer(config, contestant, bench, store, observer)
                for label in bench.graders:
                    errors += grade(config, contestant, bench, label, store, observer)
    finally:
        store.close()
    return errors


def build_engine(spec: CandidateSpec, catalogue: Catalogue) -> Engine:
    """The engine of a candidate, checked but with no weights loaded; ConfigError for a wrong name, option or model."""
    engine = engine_class(spec.engine)
    where = f"candidate {spec.name!r}, options of engine {spec.engine!r}"
    options = validate(engine.Options, spec.options, where=where)
    located = catalogue.locate(spec.model) if spec.model and engine.names_a_path else None
    return engine(str(located) if located else spec.model, options)


def build_task(spec: TaskSpec, seed: int, catalogue: Catalogue, counter: TokenCounter | None) -> Task:
    """The task behind an address, with its options checked."""
    address = parse_address(spec.task)
    task = catalogue.task_class(address)
    options = validate(task.Options, spec.options, where=f"options of task {spec.task!r}")
    return task(TaskContext(spec.task, address.variant, address.length, seed, counter), options)


def build_bench(spec: TaskSpec, config: RunConfig, catalogue: Catalogue, counter: TokenCounter | None) -> Bench:
    """A task with its graders; ConfigError where no grader is named by the run or the task."""
    task = build_task(spec, config.seed, catalogue, counter)
    specs = {g.label: g for g in grader_specs(spec, task)}
    graders = {label: build_grader(g, spec.task, catalogue) for label, g in specs.items()}
    fingerprints = {}
    for label, g in specs.items():
        code = catalogue.digest(catalogue.find("graders", g.grader))
        fingerprints[label] = f"{code} {graders[label].version} {json.dumps(g.options)}"
    return Bench(spec.task, task, graders, fingerprints, spec.limit)


def grader_specs(spec: TaskSpec, task: Task) -> Sequence[GraderSpec]:
    """The graders a run names for a task, else those the task names itself, with the options the task gives them.

    Raises ConfigError where neither names one.
    """
    wanted = spec.graders if spec.graders is not None else [GraderSpec(grader=g) for g in task.graders]
    if not wanted:
        raise ConfigError(f"task {spec.task!r} has no grader: name one in `graders:`")
    return [g.model_copy(update={"options": {**task.grader_options(g.grader), **g.options}}) for g in wanted]


def build_grader(spec: GraderSpec, task: str, catalogue: Catalogue) -> Grader:
    """A grader by name, with its options checked."""
    grader = catalogue.grader_class(spec.grader)
    return grader(validate(grader.Options, spec.options, where=f"task {task!r}, options of grader {spec.grader!r}"))


def _contestant(spec: CandidateSpec, engine: Engine, benches: Sequence[Bench]) -> Contestant:
    for pattern in spec.tasks:
        if not any(fnmatch.fnmatchcase(b.address, pattern) for b in benches):
            hint = nearest(pattern, (b.address for b in benches))
            raise ConfigError(f"candidate {spec.name!r}: no task of the run matches {pattern!r}{hint}")
    mine = tuple(b for b in benches if any(fnmatch.fnmatchcase(b.address, pattern) for pattern in spec.tasks))
    return Contestant(spec, engine, mine)


def _refuse_idle_tasks(benches: Sequence[Bench], contestants: Sequence[Contestant]) -> None:
    """Raise ConfigError for a task that no candidate is asked: it would be missing from every table."""
    for bench in benches:
        if not any(b.address == bench.address for c in contestants for b in c.benches):
            raise ConfigError(f"task {bench.address!r} is asked of no candidate: see their `tasks:`")


def _counter(config: RunConfig, engines: Sequence[Engine], catalogue: Catalogue) -> TokenCounter | None:
    """The run's stated tokenizer: one for all candidates, so that all get the same corpora."""
    if config.tokenizer is None:
        return next((e.counter for e in engines if e.counter is not None), None)
    return find_counter(config.tokenizer, catalogue)


def find_counter(model: str, catalogue: Catalogue) -> TokenCounter:
    """The token counter of a model, by directory, catalogue name or hub id."""
    from evalkit.prompts import load_counter

    return load_counter(str(catalogue.locate(model) or model))


def _limited(config: RunConfig, limit: int) -> RunConfig:
    tasks = tuple(t.model_copy(update={"limit": min(limit, t.limit or limit)}) for t in config.tasks)
    return config.model_copy(update={"tasks": tasks})


def refuse_other_run(config: RunConfig, folder: Path) -> None:
    """Raise RunExistsError if a directory holds another run (or something that is no run at all)."""
    recorded = folder / "run.yaml"
    if not recorded.is_file():
        if folder.is_file() or (folder.is_dir() and any(f.name not in UNBEGUN for f in folder.iterdir())):
            raise RunExistsError(f"{str(folder)!r} exists and is not a run directory: name another with --out")
        return
    difference = _difference(read_facts(folder)["config"], json.loads(config.model_dump_json()))
    if difference:
        raise RunExistsError(
            f"{str(folder)!r} holds a run of another config ({difference}): name another directory with --out"
        )


def _difference(before: Any, now: Any, where: str = "") -> str:
    """The first place where two configs differ, in words; empty if they do not."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in (*before, *(k for k in now if k not in before)):
            if found := _difference(before.get(key), now.get(key), f"{where}.{key}" if where else str(key)):
                return found
        return ""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for i, (a, b) in enumerate(zip(before, now, strict=True)):
            if found := _difference(a, b, f"{where}.{i}"):
                return found
        return ""
    return "" if before == now else f"{where} was {_short(before)}, now {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _facts(
    config: RunConfig,
    contestants: Sequence[Contestant],
    held: Mapping[str, Holding],
    counter: TokenCounter | None,
    catalogue: Catalogue,
) -> dict[str, Any]:
    """What `run.yaml` says beside the config: everything a reader needs to know what the numbers are numbers of."""
    entries = {f"tasks/{f}": catalogue.find("tasks", f) for f in {parse_address(a).family for a in held}}
    graders = {g.name for c in contestants for b in c.benches for g in b.graders.values()}
    entries |= {f"graders/{name}": catalogue.find("graders", name) for name in graders}
    return {
        "evalkit": _version("evalkit-lm"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "tokenizer": counter.name if counter else None,
        "seed": config.seed,
        "candidates": {
            c.spec.name: {"engine": c.spec.engine, "fingerprint": c.engine.fingerprint} for c in contestants
        },
        "samples": {address: h.samples for address, h in held.items()},
        "data": {address: h.digest for address, h in held.items()},
        "catalogues": [str(root) for root in catalogue.given],
        "catalogue": {name: catalogue.digest(entry) for name, entry in sorted(entries.items())},
        "packages": {p: v for p in RECORDED_PACKAGES if (v := _version(p))},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _made(folder: Path) -> RunLock:
    """The directory, made where it is not there, and its lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
    return RunLock(folder)


def _record(folder: Path, config: RunConfig, facts: Mapping[str, Any]) -> None:
    """Write run.yaml, whole or not at all; an existing one keeps the facts of its beginning. The lock is held.

    Raises RunExistsError where config, data or tasks are not what they were when an existing run began.
    """
    recorded = folder / "run.yaml"
    if recorded.is_file():
        refuse_other_run(config, folder)  # another process may have made it since this one looked
        before = read_facts(folder)
        kinds = {"samples": "the number of samples of", "data": "the data of", "catalogue": "the code of"}
        for kind, what in kinds.items():
            for name, value in facts[kind].items():
                if not name.startswith("graders/") and before.get(kind, {}).get(name) != value:
                    raise RunExistsError(
                        f"{what} {name} changed since the run in {str(folder)!r} began: name another --out directory"
                    )
        return
    text = yaml.safe_dump(
        {**facts, "config": json.loads(config.model_dump_json())}, sort_keys=False, allow_unicode=True, width=110
    )
    try:
        draft = folder / DRAFT
        draft.write_text(text, encoding="utf-8")
        draft.replace(recorded)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}") from error


__all__ = ["build_bench", "build_engine", "build_grader", "build_task", "grader_specs", "resume", "run"]
