"""A forecast in words and tables, for a terminal of 80 columns and up, and as plain JSON.

For each candidate and judge: what keeps the run from starting, what it is asked, what its model needs, and what that
takes. The sum follows, the assumptions stand at the end. Figures that nobody can know beforehand are named as such.
"""

from __future__ import annotations

from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evalkit.forecast.records import (
    CandidateForecast,
    Capacity,
    Cost,
    Forecast,
    JudgeForecast,
    ModelForecast,
    Times,
    Total,
)

BINDS = 0.25  # share of the writing that re-reading shared contexts must take to be worth a sentence
MOST_CONTEXTS = 10_000  # more contexts than that fit: the number says nothing any more


def print_forecast(console: Console, forecast: Forecast) -> None:
    """Print the whole forecast."""
    machine = forecast.hardware
    count = f"{forecast.gpus} x {machine.name}" if machine.accelerator else "a CPU"
    _say(console, f"Forecast of {forecast.name} on {count} ({machine.source})", "bold")
    for model in forecast.models:
        console.print()
        _model(console, forecast, model)
    if forecast.total and sum(not m.free for m in forecast.models) > 1:
        console.print()
        _total(console, forecast, forecast.total)
    console.print()
    for line in assumptions(forecast):
        _say(console, line, "dim")


def to_json(forecast: Forecast) -> dict[str, Any]:
    """Every figure by its name, and whether the run can start."""
    found: dict[str, Any] = msgspec.to_builtins(forecast)
    return {"can_start": forecast.can_start, **found}


def assumptions(forecast: Forecast) -> list[str]:
    """What the forecast rests on, in sentences."""
    a = forecast.assumptions
    lines = [
        f"Assumed: replies of {a.reply_share:.0%} of the tokens that they may have; reading at"
        f" {a.prefill_efficiency:.0%} of the peak arithmetic, writing at {a.decode_efficiency:.0%} of the peak"
        " bandwidth; every copy busy from the first second (loading weights and grading by rule are not timed)."
    ]
    if any(m.capacity and m.capacity.tp > 1 for m in forecast.models):
        lines.append("A model on several GPUs is taken to lose nothing in their links.")
    later = sum(t.later_turns for c in forecast.candidates for t in c.tasks)
    if later:
        lines.append(
            f"Only first turns are counted: at least {_many(later, 'later turn')} will follow, whose prompts hold the"
            " replies before them."
        )
    if forecast.draws > 1:
        lines.append(f"Every sample is drawn {forecast.draws} times; a further draw reads no new prompt tokens.")
    if forecast.judges:
        lines.append(
            "Judges are asked here about the task's own gold reply in place of each answer, every one with another mark"
            " in front, first round only: a real answer adds its own length to each question, one that is missing, cut"
            " or refused is not judged, and two of one text may share a question."
        )
    return lines


def _model(console: Console, forecast: Forecast, model: ModelForecast) -> None:
    role = "Judge " if isinstance(model, JudgeForecast) else ""
    served = f", {model.model}" if model.model else ""
    _say(console, f"{role}{model.name} ({model.engine}{served})", "bold")
    for problem in model.problems:
        _say(console, f"Cannot start: {problem}.", "red")
    if isinstance(model, JudgeForecast):
        asked = "" if model.tasks else f", {_many(model.requests, 'request')}"
        _say(console, f"{_many(model.answers, 'answer')} to judge{asked}.")
    elif isinstance(model, CandidateForecast) and not model.tasks:
        _say(console, f"{_many(model.samples, 'sample')}, {_many(model.requests, 'request')}.")
    if model.tasks:
        console.print(_tasks(model, forecast.overflow))
    facts = _fit(model, model.capacity, forecast) if model.capacity else []
    facts += _wall(model, model.times, forecast) if model.times else []
    if facts:
        console.print()
        _facts(console, facts)
    if model.times:
        for line in _warnings(model.times):
            _say(console, line)
    for note in model.notes:
        _say(console, f"Note: {note}.", "dim")


def _total(console: Console, forecast: Forecast, total: Total) -> None:
    """Everything together, in the run's own order: one engine after another."""
    _say(console, "All together, one after another", "bold")
    facts = [("wall", f"{_seconds(total.seconds)}; {_seconds(total.longest_seconds)} at the longest replies")]
    if forecast.hardware.accelerator:
        facts.append(_hours_of(total.cost, total.longest_cost))
    if total.missing:
        facts.append(("not in it", f"{', '.join(total.missing)}: no time is known"))
    _facts(console, facts)


def _tasks(model: ModelForecast, overflow: str) -> Table:
    """One line for each task (of a judge, for each task and grader), and the sum."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    tasks, judge = model.tasks, isinstance(model, JudgeForecast)
    too_long = any(t.overflowing for t in tasks)
    names = ["requests", "prompt tokens", "distinct", "longest", "reply max"]
    if too_long:
        left_out = "unscored" if judge else "left out"
        names.append(f"{left_out} (too long)" if judge or overflow == "skip" else "do not fit")
    table.add_column("task and grader" if judge else "task", overflow="fold")
    for name in names:
        table.add_column(name, justify="right")
    fields = ["requests", "prompt_tokens", "distinct_tokens", "longest_prompt", "reply_tokens"]
    fields += ["overflowing"] * too_long
    for place, task in enumerate(tasks):
        last = place == len(tasks) - 1
        table.add_row(Text(task.task), *(f"{getattr(task, f):,}" for f in fields), end_section=last)
    if len(tasks) > 1:
        totals = [(max if f == "longest_prompt" else sum)(getattr(t, f) for t in tasks) for f in fields]
        table.add_row("all", *(f"{total:,}" for total in totals))
    return table


def _fit(model: ModelForecast, c: Capacity, forecast: Forecast) -> list[tuple[str, str]]:
    active = f", {_count(c.active_parameters)} at work on a token" if c.active_parameters < 0.7 * c.parameters else ""
    where = ""
    if forecast.hardware.accelerator:
        where = f" on {_many(c.tp, 'GPU')}" + (f", {_many(c.replicas, 'copy', 'copies')}" if c.replicas > 1 else "")
    late = ""
    if c.kv_bytes_per_late_token < c.kv_bytes_per_token:
        late = f" ({c.kv_bytes_per_late_token:,.0f} beyond the sliding windows)"
    fit = f"more than {MOST_CONTEXTS:,}" if c.contexts > MOST_CONTEXTS else f"{c.contexts:,}"
    copy = " on each copy" if c.replicas > 1 else ""
    found = [
        ("model", f"{_count(c.parameters)} parameters{active}: {_bytes(c.weight_bytes)} of weights{where}"),
        ("keys and values", f"{c.kv_bytes_per_token:,.0f} bytes a token{late}"),
    ]
    if c.longest_context:
        found.append(
            ("longest context", f"{c.longest_context:,} tokens with its reply: {_bytes(c.context_bytes)};"
             f" {fit} of that length fit at a time{copy}")
        )  # fmt: skip
    if model.limit:
        found.append(("limit", f"{model.limit:,} tokens of prompt and reply"))
    return found


def _wall(model: ModelForecast, times: Times, forecast: Forecast) -> list[tuple[str, str]]:
    plain, longest = times.grouped, times.longest
    found = [
        ("wall", f"{_seconds(plain.seconds)}: reading {_seconds(plain.prefill_seconds)}, writing"
         f" {_seconds(plain.decode_seconds)}; {_seconds(longest.seconds)} at the longest replies"),
        ("without sharing", f"{_seconds(times.unshared.seconds)} ({_ratio(times.unshared.seconds, plain.seconds)}):"
         f" {times.unshared.computed_tokens:,} prompt tokens computed, not {plain.computed_tokens:,}"),
        ("in random order", f"{_seconds(times.shuffled.seconds)} ({_ratio(times.shuffled.seconds, plain.seconds)}):"
         f" {times.shuffled.computed_tokens:,} computed"),
    ]  # fmt: skip
    if times.blended and times.blend_bound:
        found.append(
            ("blended", f"{_seconds(times.blended.seconds)} ({plain.seconds / times.blended.seconds:.2f}x faster;"
             f" {times.blend_bound:.2f}x on an engine that hides memory traffic behind arithmetic wholly)")
        )  # fmt: skip
    if forecast.hardware.accelerator and model.cost and model.longest_cost:
        found.append(_hours_of(model.cost, model.longest_cost))
    return found


def _hours_of(low: Cost, high: Cost) -> tuple[str, str]:
    price = ""
    if low.price is not None:
        price = f", {' to '.join(dict.fromkeys(_dollars(c.price) for c in (low, high)))}"
    return "GPU hours", f"{_hours(low.gpu_hours)} to {_hours(high.gpu_hours)}{price}"


def _warnings(times: Times) -> list[str]:
    found = []
    plain = times.grouped
    if plain.reread_seconds > BINDS * plain.decode_seconds:
        found.append(
            f"Writing is bound by re-reading: {plain.reread_seconds / plain.decode_seconds:.0%} of its"
            f" {_seconds(plain.decode_seconds)} go into reading a shared context's keys and values once more for every"
            " sequence at every step (vLLM 0.32 and later has no cascade attention). Shorter replies help, more sharing"
            " does not."
        )
    if times.scaled > 1:
        found.append(f"Times are of a part of the contexts, chosen evenly, and multiplied by {times.scaled:,.1f}.")
    return found


def _facts(console: Console, facts: list[tuple[str, str]]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(value))
    console.print(grid)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style=style), soft_wrap=False)


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.1f}x" if other else "-"


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 60:,.0f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"


def _hours(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"


def _dollars(price: float | None) -> str:
    if price is None:
        return "-"
    return f"${price:,.2f}" if price >= 0.01 else "under $0.01"


def _bytes(size: float) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"


def _count(number: float) -> str:
    return f"{number / 1e9:,.1f}B" if number >= 1e9 else f"{number / 1e6:,.1f}M"


__all__ = ["assumptions", "print_forecast", "to_json"]
