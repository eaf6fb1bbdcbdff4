"""A forecast in words and tables, for a terminal of 80 columns and up, and as plain JSON.

What keeps the run from starting comes first, then for each candidate what it is asked, what its model needs, and what
that takes; the assumptions stand at the end. Figures that nobody can know beforehand are named as such.
"""

from __future__ import annotations

from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evalkit.forecast.load import TaskLoad
from evalkit.forecast.records import CandidateForecast, Capacity, Forecast, GraderLoad, Times

BINDS = 0.25  # share of the writing that re-reading shared contexts must take to be worth a sentence
MOST_CONTEXTS = 10_000  # more contexts than that fit: the number says nothing any more


def print_forecast(console: Console, forecast: Forecast) -> None:
    """Print the whole forecast."""
    machine = forecast.hardware
    count = f"{forecast.gpus} x {machine.name}" if machine.accelerator else "a CPU"
    _say(console, f"Forecast of {forecast.name} on {count} ({machine.source})", "bold")
    for candidate in forecast.candidates:
        console.print()
        _candidate(console, forecast, candidate)
    if forecast.graders:
        console.print()
        _graders(console, forecast)
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
        " bandwidth; every copy busy from the first second (loading weights and grading are not timed)."
    ]
    if any(c.capacity and c.capacity.tp > 1 for c in forecast.candidates):
        lines.append("A model on several GPUs is taken to lose nothing in their links.")
    later = sum(t.later_turns for c in forecast.candidates for t in c.tasks)
    if later:
        lines.append(
            f"Only first turns are counted: at least {_many(later, 'later turn')} will follow, whose prompts hold the"
            " replies before them."
        )
    if forecast.draws > 1:
        lines.append(f"Every sample is drawn {forecast.draws} times; a further draw reads no new prompt tokens.")
    return lines


def _candidate(console: Console, forecast: Forecast, candidate: CandidateForecast) -> None:
    model = f", {candidate.model}" if candidate.model else ""
    _say(console, f"{candidate.candidate} ({candidate.engine}{model})", "bold")
    for problem in candidate.problems:
        _say(console, f"Cannot start: {problem}.", "red")
    if candidate.tasks:
        console.print(_tasks(candidate.tasks, forecast.overflow))
    else:
        _say(console, f"{_many(candidate.samples, 'sample')}, {_many(candidate.requests, 'request')}.")
    facts = _fit(candidate, candidate.capacity, forecast) if candidate.capacity else []
    facts += _wall(candidate, candidate.times, forecast) if candidate.times else []
    if facts:
        console.print()
        _facts(console, facts)
    if candidate.times:
        for line in _warnings(candidate.times):
            _say(console, line)
    for note in candidate.notes:
        _say(console, f"Note: {note}.", "dim")


def _tasks(tasks: tuple[TaskLoad, ...], overflow: str) -> Table:
    """One line for each task, and the sum."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    too_long = any(t.overflowing for t in tasks)
    names = ["requests", "prompt tokens", "distinct", "longest", "reply max"]
    if too_long:
        names.append("left out (too long)" if overflow == "skip" else "do not fit")
    table.add_column("task", overflow="fold")
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


def _fit(candidate: CandidateForecast, c: Capacity, forecast: Forecast) -> list[tuple[str, str]]:
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
    if candidate.limit:
        found.append(("limit", f"{candidate.limit:,} tokens of prompt and reply"))
    return found


def _wall(candidate: CandidateForecast, times: Times, forecast: Forecast) -> list[tuple[str, str]]:
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
    if forecast.hardware.accelerator and candidate.cost and candidate.longest_cost:
        low, high = candidate.cost, candidate.longest_cost
        price = ""
        if low.price is not None:
            price = f", {' to '.join(dict.fromkeys(_dollars(c.price) for c in (low, high)))}"
        found.append(("GPU hours", f"{_hours(low.gpu_hours)} to {_hours(high.gpu_hours)}{price}"))
    return found


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


def _graders(console: Console, forecast: Forecast) -> None:
    _say(console, "Graders that ask a model", "bold")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("task", overflow="fold")
    table.add_column("grader", overflow="fold")
    for name in ("answers", "requests", "prompt tokens", "distinct", "reply max"):
        table.add_column(name, justify="right")
    fields = ("answers", "requests", "prompt_tokens", "distinct_tokens", "reply_tokens")
    for load in forecast.graders:
        table.add_row(Text(load.task), Text(load.grader), *(f"{getattr(load, f):,}" for f in fields))
    console.print(table)
    _say(console, _grader_note(forecast.graders, forecast.tokenizer), "dim")


def _grader_note(graders: tuple[GraderLoad, ...], tokenizer: str) -> str:
    counted = f"Counted in tokens of {tokenizer}" if tokenizer else "No tokenizer is stated, so no tokens are counted"
    note = (
        f"{counted}, as if every candidate answered as the task's own gold reply does, first round only: a real answer"
        " adds its own length to each request, an answer that cannot be read asks nothing."
    )
    unknown = sum(g.unknown for g in graders)
    return note + (f" Of {_many(unknown, 'answer')} nobody can say what would be asked." if unknown else "")


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
