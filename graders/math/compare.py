"""The cascade: gold and answer as written in, one of three verdicts out, with the rung that gave it.

Cheap and exact rungs first, in the caller's process; then math-verify, in a worker that can be killed. `undecided` is
a verdict of its own: an input beyond the caps, a worker that had to be killed, a reference that nobody can read.
The gold always comes first: math-verify is not symmetric.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from . import exact, text
from .exact import Verdict
from .workers import Pool, cores

AHEAD = 32
"""Pairs that may be finished or under way for each worker, before the first unfinished one holds up the rest."""
EXACT_ROUNDING = 30
"""Decimal places when only the answer is a decimal: more than a float has, so that an approximation stays unequal."""


class Comparison(NamedTuple):
    """What is known of one pair."""

    status: Verdict
    rung: str
    """What decided (`text`, `number`, `letter`, `words`, `math-verify`), or why nothing could."""
    seconds: float
    """Wall time spent on the pair."""


def compare(gold: str, pred: str, pool: Pool) -> Comparison:
    """Compare one pair, in at most the pool's deadline. Raises EngineError if no worker can be started."""
    start = time.perf_counter()
    found = without_algebra(gold, pred)
    if found is None:
        status, rung, seconds = _with_algebra(gold, pred, pool)
        return Comparison(status, rung, seconds)
    return Comparison(found[0], found[1], time.perf_counter() - start)


def without_algebra(gold: str, pred: str) -> tuple[Verdict, str] | None:
    """The verdict of the exact rungs and the caps; None where algebra is needed."""
    gold, pred = text.visible(gold), text.visible(pred)
    if not gold:
        return "undecided", "empty reference"
    if gold == pred:
        return "equal", "text"
    if len(gold) > text.MAX_TEXT or len(pred) > text.MAX_TEXT:
        return "undecided", f"longer than {text.MAX_TEXT} characters"
    g, p = text.core(gold), text.core(pred)
    if g and text.squeezed(g) == text.squeezed(p):
        return "equal", "text"
    for side, whole, formula in (("reference", gold, g), ("answer", pred, p)):
        if broken := text.limit(text.for_parser(whole, formula)):
            return "undecided", f"{side}: {broken}"
    if not re.search(r"[\w\\]", p) and exact.words(g, p) is None:
        return "unequal", "empty answer"
    return _numbers(g, p) or _letters_and_words(g, p)


def _numbers(g: str, p: str) -> tuple[Verdict, str] | None:
    (g_bare, g_unit), (p_bare, p_unit) = exact.split_unit(g), exact.split_unit(p)
    gold, pred = exact.number(g_bare), exact.number(p_bare)
    other_unit = bool(g_unit and p_unit and g_unit != p_unit)
    if gold and gold.decimals and re.fullmatch(r"-?\d+,(\d{1,2}|\d{4,})", p) and p.replace(",", ".") == g:
        return "equal", "number"  # a decimal comma
    if gold is None or pred is None:
        return ("undecided", "units differ") if other_unit and gold is not pred else None
    same = exact.same_number(gold, pred)
    if other_unit:
        return ("unequal", "unit") if same else ("undecided", "units differ")
    return ("equal" if same else "unequal"), "number"


def _letters_and_words(g: str, p: str) -> tuple[Verdict, str] | None:
    if (found := exact.words(g, p)) is not None:
        return found, "words"
    if re.fullmatch(r"\(?[A-H]\)?", g):
        chosen = exact.letter(p)
        if chosen is None:
            return "undecided", "letter"
        return ("equal" if chosen == g.strip("()") else "unequal"), "letter"
    if text.is_words(p):
        if text.is_words(g):
            return ("equal", "words") if g.lower() == p.lower() else ("undecided", "words")
        return "unequal", "no mathematics in the answer"
    return None


def _with_algebra(gold: str, pred: str, pool: Pool) -> Comparison:
    gold, pred = text.visible(gold), text.visible(pred)
    g, p = text.core(gold), text.core(pred)
    rounding = EXACT_ROUNDING if "." in p and "." not in g else exact.DECIMAL_PLACES
    reply = pool.compare(text.for_parser(gold, g), text.for_parser(pred, p), rounding)
    if reply.verdict == "equal":
        return Comparison("equal", "math-verify", reply.seconds)
    if reply.verdict == "unequal":
        return Comparison("unequal", "math-verify", reply.seconds)
    return Comparison("undecided", reply.verdict, reply.seconds)


def compare_any(golds: Sequence[str], pred: str, pool: Pool) -> list[Comparison]:
    """Comparisons with the accepted answers in turn, up to the first that is equal."""
    found: list[Comparison] = []
    for gold in golds:
        try:
            found.append(compare(gold, pred, pool))
        except (RuntimeError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            # whatever odd text does to the exact rungs, it is one answer that cannot be decided and not the run's end
            found.append(Comparison("undecided", f"{type(error).__name__} in the comparison", 0.0))
        if found[-1].status == "equal":
            break
    return found


def in_order(jobs: Iterable[tuple[Sequence[str], str]], pool: Pool) -> Iterator[list[Comparison]]:
    """`compare_any` of each (golds, answer), several at a time, in order; reads at most `AHEAD` jobs a worker ahead."""
    with ThreadPoolExecutor(pool.size, thread_name_prefix="math") as threads:
        waiting: deque[Future[list[Comparison]]] = deque()
        try:
            for golds, pred in jobs:
                waiting.append(threads.submit(compare_any, golds, pred, pool))
                if len(waiting) >= AHEAD * pool.size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def compare_pairs(
    rows: Iterable[tuple[str, str]], *, deadline: float = 3.0, workers: int | None = None
) -> Iterator[Comparison]:
    """Compare (gold, answer) pairs with a pool of their own, which ends with the iterator.

    `deadline` in seconds for each pair; `workers` defaults to the number of processors.
    """
    pool = Pool(workers or cores(), deadline)
    try:
        for (found,) in in_order((((gold,), pred) for gold, pred in rows), pool):
            yield found
    finally:
        pool.close()
