"""The live display of a run: where it is, how fast, how much reading was saved, how long it will take.

On a terminal a rich progress bar; elsewhere one plain line every few seconds, so that logs stay readable. It is an
`Observer`: the runner tells it what happened and knows nothing of screens.
"""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from evalkit.observer import Stretch
from evalkit.records import Completion

PLAIN_EVERY = 5.0  # seconds between lines where there is no terminal


class Tally:
    """What one stretch of work has used so far."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.finished = self.waiting = self.errors = self.replies = 0
        self.prompt = self.cached = self.out = self.fresh = 0
        self.started = time.monotonic()

    def add(self, completion: Completion, waiting: int) -> None:
        """Count a completion."""
        # a stretch is opened before its turn has come
        self.started = max(self.started, time.monotonic() - completion.seconds) if not self.replies else self.started
        self.replies += 1
        self.waiting = waiting
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

    def line(self) -> str:
        """All of it, in one line."""
        seconds = time.monotonic() - self.started
        done, total = self.finished, self.total
        left = f", about {seconds / done * (total - done):,.0f} s left" if 0 < done < total else ""
        facts = self.facts()
        return f"{self.label}: {done:,}/{total:,} in {seconds:,.1f} s{left}{', ' + facts if facts else ''}"


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
        self._shown: list[Shown] = []
        self._checking: TaskID | None = None
        self._said_checking = False
        self.begun = False
        """Whether anything was asked or graded: the run directory is there."""

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        for shown in list(self._shown):
            shown.finish()
        self._bar.stop()

    def checking(self, task: str) -> None:
        """A task is checked before the run; see `Observer`. Logs have a line at the first, so that none is silent."""
        if self._checking is not None:
            self._bar.remove_task(self._checking)
        if self._console.is_terminal:
            self._checking = self._bar.add_task(f"checking {escape(task)}", total=None, facts="")
        elif not self._said_checking:
            self._console.print("Loading and checking tasks and candidates.", highlight=False)
            self._said_checking = True

    def stretch(self, who: str, task: str, what: str, total: int) -> Stretch:
        """A new bar, or the first line of a new stretch; see `Observer`."""
        self.begun = True
        if self._checking is not None:
            self._bar.remove_task(self._checking)
            self._checking = None
        shown = Shown(Tally(f"{who} · {task} · {what}", total), self._bar, self._console, self._shown)
        self._shown.append(shown)
        return shown


class Shown:
    """One stretch on the console. It ends by itself when all of it is finished."""

    def __init__(self, tally: Tally, bar: Progress, console: Console, beside: list[Shown]) -> None:
        """`beside`: all stretches that are shown now; this one leaves them when it ends."""
        self._tally, self._bar, self._console, self._beside = tally, bar, console, beside
        self._id = bar.add_task(escape(tally.label), total=tally.total, facts="")
        self._last = time.monotonic()

    def done(self, completion: Completion, waiting: int) -> None:
        """A completion came back; see `Stretch`."""
        self._tally.add(completion, waiting)
        self._show()

    def advance(self, count: int) -> None:
        """Samples, answers or grades are finished; see `Stretch`."""
        if not count:
            return
        self._tally.finished += count
        self._bar.update(self._id, advance=count)
        if self._tally.finished >= self._tally.total:
            self.finish()
        else:
            self._show()

    def finish(self) -> None:
        """The last line of a stretch in which anything was done; terminals and logs alike."""
        if self in self._beside:
            self._beside.remove(self)
            self._bar.remove_task(self._id)
            self._tally.waiting = 0  # what is out belongs to others
            if self._tally.finished:
                self._line()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._console.is_terminal else PLAIN_EVERY):
            return
        self._last = now
        if self._console.is_terminal:
            self._bar.update(self._id, facts=self._tally.facts())
        else:
            self._line()

    def _line(self) -> None:
        self._console.print(self._tally.line(), highlight=False, soft_wrap=True, markup=False)


__all__ = ["Display", "Tally"]
