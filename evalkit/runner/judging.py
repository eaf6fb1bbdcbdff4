"""The second pass: graders ask their models about stored answers, each answer a dialogue that its grader leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import msgspec

from evalkit import plan
from evalkit.config import RunConfig
from evalkit.errors import DataError, FirewallError
from evalkit.observer import Observer, Stretch
from evalkit.participants import Bench, Contestant
from evalkit.privileged import grading
from evalkit.protocols import Engine, GradeItem
from evalkit.records import Answer, Completion, Grade, Request
from evalkit.runner.feed import Dialogue, Feed, converse
from evalkit.runner.reading import ungraded
from evalkit.runner.windows import enter_graders, numbers, span, windows
from evalkit.store import Place, Store


class _Judging(Dialogue):
    """One answer before a grader that asks a model."""

    def __init__(self, panel: _Panel, place: Place, item: GradeItem, stored: Mapping[int, Completion]) -> None:
        super().__init__(stored)
        self._panel, self._place, self._item = panel, place, item

    def ask(self, replies: tuple[Completion, ...]) -> Sequence[Request]:
        """The grader's next requests; none where it fails or they do not fit its model, which `grade` will say."""
        panel = self._panel
        asked = questions(panel.bench, panel.label, msgspec.structs.replace(self._item, replies=replies))
        return () if isinstance(asked, Grade) else asked

    def keep(self, seq: int, request: Request, completion: Completion, waiting: int) -> None:
        panel = self._panel
        panel.store.judgements(panel.number).put(self._place, seq, request, completion)
        panel.stretch.done(completion, waiting)

    def ended(self) -> None:
        self._panel.stretch.advance(1)


class _Panel(msgspec.Struct, frozen=True):
    """What all answers share that one grader asks a model about."""

    bench: Bench
    label: str
    number: int
    store: Store
    stretch: Stretch


def judge(
    config: RunConfig, engine: Engine, contestants: Sequence[Contestant], store: Store, observer: Observer
) -> None:
    """Ask a judge's engine all that graders want to know of stored answers, those of all candidates side by side.

    What two answers share (rubric, problem, reference) is then read once for all of them.
    """
    with ExitStack() as open_references:
        converse(engine, Feed(_judging(config, engine, contestants, store, observer, open_references)))
    store.flush()


def _judging(
    config: RunConfig, engine: Engine, contestants: Sequence[Contestant], store: Store, observer: Observer,
    open_references: ExitStack,
) -> Iterator[Iterable[Dialogue]]:
    for bench in {b.address: b for c in contestants for b in c.benches}.values():
        judged = [c for c in contestants if bench in c.benches]
        for label, judge in bench.judges.items():
            if judge.engine is not engine:
                continue
            grader = bench.graders[label]
            context = open_references.enter_context(grading(grader.name, grader.needs))
            number = enter_graders(bench, store)[label]
            total = bench.samples * config.draws * len(judged)
            stretch = observer.stretch(judge.spec.name, bench.address, f"judging ({label})", total)
            panel = _Panel(bench, label, number, store, stretch)
            for window in windows(bench, config.draws * len(judged)):
                dialogues: list[Dialogue] = []
                for contestant in judged:
                    known = store.judgements(number).find(*numbers(contestant, bench, store), *span(window))
                    for place, sample, privileged, _, read in ungraded(
                        config, contestant, bench, number, store, window
                    ):
                        if isinstance(read, Answer) and read.status in grader.judges:
                            item = GradeItem(sample, read, context.open(privileged))
                            dialogues.append(_Judging(panel, place, item, known.get(place, {})))
                stretch.advance(len(window) * config.draws * len(judged) - len(dialogues))
                yield dialogues


def questions(bench: Bench, label: str, item: GradeItem) -> list[Request] | Grade:
    """What a grader asks its judge next; a grade where it fails, or where the judge cannot take the question."""
    grader, judge = bench.graders[label], bench.judges[label]
    try:
        asked = [judge.stamp(request, bench, label) for request in grader.ask(item)]
    except FirewallError:
        raise
    except Exception as error:
        return Grade(status="error", reason=f"{type(error).__name__} in grader {grader.name}: {error}")
    try:
        over = next(iter(plan.overflows(asked, judge.engine)), None)
    except DataError as error:  # half of a surrogate pair is no text that a model can be asked
        return Grade(status="unscored", reason=f"cannot be put to the judge {judge.spec.name}: {error}")
    return Grade(status="unscored", reason=f"too long for the judge {judge.spec.name}: {over}") if over else asked


__all__ = ["judge", "questions"]
