"""What the passes share: a task's samples, some at a time, and the numbers that the store knows things by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from evalkit.participants import Bench, Contestant
from evalkit.privileged import Privileged
from evalkit.records import Sample
from evalkit.store import Store

WINDOW = 2048
"""Dialogues planned together: the plan is optimal within a window, memory is bounded by it."""

Item = tuple[int, Sample, Privileged]
"""A sample with its ordinal and its reference."""


def windows(bench: Bench, dialogues: int) -> Iterator[list[Item]]:
    """The samples of a task, as many at a time as make a window where each has so many dialogues."""
    items = bench.items()
    while window := list(islice(items, max(WINDOW // dialogues, 1))):
        yield window


def span(window: Sequence[Item]) -> tuple[int, int]:
    """First ordinal of a window, and the one after its last."""
    return window[0][0], window[-1][0] + 1


def numbers(contestant: Contestant, bench: Bench, store: Store) -> tuple[int, int]:
    """The numbers of a candidate and a task."""
    candidate = store.number("candidate", contestant.name, contestant.fingerprint)
    return candidate, store.number("task", bench.address)


def enter_graders(bench: Bench, store: Store) -> dict[str, int]:
    """The numbers of a task's graders, by the names their scores go by."""
    return {
        label: store.grader_number(f"{bench.address} {label}", bench.fingerprints[label], grader.metrics)
        for label, grader in bench.graders.items()
    }


__all__ = ["WINDOW", "Item", "enter_graders", "numbers", "span", "windows"]
