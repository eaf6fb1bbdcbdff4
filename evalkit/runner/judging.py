"""The second pass: graders ask their models about stored answers, each answer a dialogue that its grader leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import msgspec

from evalkit import plan
from evalkit.config import RunConfig
from evalkit.errors import DataError, FirewallError
from evalkit.observer import Observer
from evalkit.participants import Bench, Contestant
from evalkit.privileged import grading
from evalkit.protocols import Engine, GradeItem
from evalkit.records import Answer, Completion, Grade, Request
from evalkit.runner.feed import Dialogue, Feed, converse
from evalkit.runner.reading import ungraded
from evalkit.runner.windows import Item, enter_graders, numbers, span, windows
from evalkit.store import Place, Store


class _Judging(Dialogue):
    """One answer before a grader that asks a model."""

    def __init__(self, panel: _Panel, place: Place, item: GradeItem, stored: Mapping[int, Completion]) -> None:
        super().__init__(stored)
        self._panel, self._place, self._item = panel, place, item

    def ask(self, replies: tuple[Completion, ...]) -> Sequence[Request]:
        """The grader's next requests; none where it fails or they do not fit its model, which `grade` will say."""
        bench, label = self._panel.bench, self._panel.label
        asked = _asked(bench, label, msgspec.structs.replace(self._item, replies=replies))
        return () if isinstance(asked, Grade) or _unaskable(bench, label, asked) else asked

    def keep(self, seq: int, request: Request, completion: Completion, waiting: int) -> None:
        """Among the judgements of its grader."""
        self._panel.judgements.put(self._place, seq, request, completion)
        self._panel.stretch.done(completion, waiting)

    def ended(self) -> None:
        """One answer more."""
        self._panel.finish(1)


class _Panel:
    """What all answers share that one grader asks a model about; references are open until the last one is done."""

    def __init__(self, bench: Bench, label: str, answers: int, store: Store, observer: Observer) -> None:
        self.bench, self.label, self._left = bench, label, answers
        self.number = enter_graders(bench, store)[label]
        self.judgements = store.judgements(self.number)
        judge = bench.judges[label].spec.name
        self.stretch = observer.stretch(judge, bench.address, f"judging ({label})", answers)
        self.references = ExitStack()
        grader = bench.graders[label]
        self.context = self.references.enter_context(grading(grader.name, grader.needs))

    def finish(self, count: int) -> None:
        """So many answers are done."""
        self.stretch.advance(count)
        self._left -= count
        if not self._left:
            self.references.close()


def judge(
    config: RunConfig, engine: Engine, contestants: Sequence[Contestant], store: Store, observer: Observer
) -> None:
    """Ask a judge's engine all that graders want to know of stored answers, those of all candidates side by side.

    What two answers share (rules, problem, reference) is then read once for all of them.
    """
    with ExitStack() as references:
        converse(engine, Feed(_judging(config, engine, contestants, store, observer, references)))
    store.flush()


def _judging(
    config: RunConfig, engine: Engine, contestants: Sequence[Contestant], store: Store, observer: Observer,
    references: ExitStack,
) -> Iterator[Iterable[Dialogue]]:
    """The windows of all graders that ask this engine, one grader after the other."""
    for bench in {b.address: b for c in contestants for b in c.benches}.values():
        judged = [c for c in contestants if bench in c.benches]
        each = config.draws * len(judged)
        for label in (label for label, judge in bench.judges.items() if judge.engine is engine):
            panel = _Panel(bench, label, bench.samples * each, store, observer)
            references.push(panel.references)
            for window in windows(bench, each):
                yield _dialogues(config, panel, judged, store, window)


def _dialogues(
    config: RunConfig, panel: _Panel, judged: Sequence[Contestant], store: Store, window: Sequence[Item]
) -> Iterator[Dialogue]:
    """A window's answers that the grader looks at and has not judged, each as it is needed."""
    bench, others = panel.bench, len(window) * config.draws * len(judged)
    for contestant in judged:
        known = panel.judgements.find(*numbers(contestant, bench, store), *span(window))
        for place, sample, privileged, _, read in ungraded(config, contestant, bench, panel.number, store, window):
            if isinstance(read, Answer) and read.status in bench.graders[panel.label].judges:
                others -= 1
                item = GradeItem(sample, read, panel.context.open(privileged))
                yield _Judging(panel, place, item, known.get(place, {}))
    if others:
        panel.finish(others)


def heard(bench: Bench, label: str, item: GradeItem, stored: Mapping[int, Completion]) -> GradeItem | Grade:
    """An answer with all that its grader wanted to hear of its judge; or the grade that says why it did not.

    The conversation is gone through again: what was said to another question (an older version of the grader's, say) is
    no reply to this one.
    """
    judge = bench.judges[label].spec.name
    replies: list[Completion] = []
    while True:
        item = msgspec.structs.replace(item, replies=tuple(replies))
        asked = _asked(bench, label, item)
        if isinstance(asked, Grade):
            return asked
        if not asked:
            return item
        for request in asked:
            reply = stored.get(len(replies))
            if reply is None or reply.key != request.key:
                left = Grade(status="error", reason=f"the judge {judge} did not answer")
                return _unaskable(bench, label, asked) or left
            if reply.finish == "error":
                return Grade(status="error", reason=f"the judge {judge} failed: {reply.error}")
            replies.append(reply)


def _asked(bench: Bench, label: str, item: GradeItem) -> list[Request] | Grade:
    """What a grader asks its judge next; a grade where it fails."""
    grader, judge = bench.graders[label], bench.judges[label]
    try:
        return [judge.stamp(request, bench, label) for request in grader.ask(item)]
    except FirewallError:
        raise
    except Exception as error:
        return Grade(status="error", reason=f"{type(error).__name__} in grader {grader.name}: {error}")


def _unaskable(bench: Bench, label: str, asked: Sequence[Request]) -> Grade | None:
    """The grade of an answer about which the judge cannot be asked, None where it can."""
    judge = bench.judges[label]
    try:
        over = next(iter(plan.overflows(asked, judge.engine)), None)
    except DataError as error:  # half of a surrogate pair is no text that a model can be asked
        return Grade(status="unscored", reason=f"cannot be put to the judge {judge.spec.name}: {error}")
    return Grade(status="unscored", reason=f"too long for the judge {judge.spec.name}: {over}") if over else None


__all__ = ["heard", "judge"]
