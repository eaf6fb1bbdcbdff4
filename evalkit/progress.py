"""The live display of a run: where it is, how fast, how much reading was saved, how long it will take.

On a terminal a rich progress bar; elsewhere one plain line every few seconds, so that logs stay readable. It is an
`Observer`: the runner tells it what happened and knows nothing of screens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from evalkit.records import Completion

PLAIN_EVERY = 5.0  # seconds between lines where there is no terminal


class Tally:
    """What one stretch of work has used so far."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = self.waiting = self.errors = 0
        self.prompt = self.cached = self.out = self.fresh = 0
        self.started = time.monotonic()

    def add(self, completions: Sequence[Completion], waiting: int) -> None:
        """Count completions as they come."""
        self.waiting = waiting
        for completion in completions:
            self.errors += completion.finish == "error"
            self.prompt += completion.usage.prompt_tokens
            self.cached += completion.usage.cached_tokens
            self.out += completion.usage.completion_tokens
            self.fresh += completion.usage.fresh_tokens

    def facts(self) -> str:
        """Tokens a second, what sharing saved, requests out, errors: what there is to say, in a few words."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        parts = []
        if self.prompt:
            parts.append(f"{(self.prompt - self.cached + self.out) / seconds:,.0f} tokens/s")
            parts.append(f"{self.cached / self.prompt:.0%} of the reading shared")
        if self.fresh:
            parts.append(f"prefill efficiency {self.fresh / max(self.prompt - self.cached, 1):.2f}")
        if self.waiting:
            parts.append(f"{self.waiting:,} requests out")
        if self.errors:
            parts.append(f"{self.errors:,} errors")
        return ", ".join(parts)


class Display:
    """Shows a run on a console. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[facts]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._label = ""
        self._tally = Tally(0)
        self._last_line = 0.0
        self._checked = False
        self.begun = False
        """Whether anything was asked or graded: the run directory is there."""

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()
        self._bar.stop()

    def checking(self, task: str) -> None:
        """A task is checked before the run; see `Observer`. Logs have a line at the first, so that none is silent."""
        self._finish()
        if self._console.is_terminal:
            self._label = f"checking {task}"
            self._tally = Tally(0)
            self._task = self._bar.add_task(self._label, total=None, facts="")
        elif not self._checked:
            self._console.print("Loading and checking tasks and candidates.", highlight=False)
        self._checked = True

    def phase(self, candidate: str, task: str, what: str, total: int) -> None:
        """A new bar, or the first line of a new stretch; see `Observer`."""
        self._finish()
        self.begun = True
        self._label = f"{candidate} · {task} · {what}"
        self._tally = Tally(total)
        self._last_line = time.monotonic()
        self._task = self._bar.add_task(self._label, total=total, facts="")

    def done(self, completions: Sequence[Completion], waiting: int) -> None:
        """Completions came back; see `Observer`."""
        self._tally.add(completions, waiting)
        self._show()

    def advance(self, count: int) -> None:
        """Samples or grades are finished; see `Observer`."""
        self._tally.done += count
        self._bar.update(self._task, advance=count)
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last_line < (0.2 if self._console.is_terminal else PLAIN_EVERY):
            return
        self._last_line = now
        if self._console.is_terminal:
            self._bar.update(self._task, facts=self._tally.facts())
        else:
            self._line()

    def _line(self) -> None:
        seconds = time.monotonic() - self._tally.started
        done, total = self._tally.done, self._tally.total
        left = f", about {seconds / done * (total - done):,.0f} s left" if 0 < done < total else ""
        facts = self._tally.facts()
        self._console.print(
            f"{self._label}: {done:,}/{total:,} in {seconds:,.1f} s{left}{', ' + facts if facts else ''}",
            highlight=False, soft_wrap=True, markup=False,
        )

    def _finish(self) -> None:
        """The summary line of a stretch in which anything was done; terminals and logs alike."""
        if self._label and self._tally.done:
            self._line()
        if self._label:
            self._bar.remove_task(self._task)
        self._label = ""


__all__ = ["Display", "Tally"]
