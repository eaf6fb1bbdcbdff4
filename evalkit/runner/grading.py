"""The last pass: every stored answer is read and graded, a grader's model being heard by its stored replies."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.config import RunConfig
from evalkit.observer import Observer
from evalkit.participants import Bench, Contestant
from evalkit.privileged import grading
from evalkit.protocols import GradeItem
from evalkit.records import Answer, Completion, Grade
from evalkit.runner.judging import heard
from evalkit.runner.reading import ungraded
from evalkit.runner.windows import enter_graders, numbers, span, windows
from evalkit.store import Place, Store


def grade(
    config: RunConfig, contestant: Contestant, bench: Bench, label: str, store: Store, observer: Observer
) -> int:
    """Read and grade every stored answer of one candidate to one task that the grader of this name has not judged.

    Returns the number of answers on which the grader, its judge, or the task's own reader failed; these are graded
    again when the run is resumed.
    """
    grader = bench.graders[label]
    failed = 0
    number = enter_graders(bench, store)[label]
    stretch = observer.stretch(contestant.name, bench.address, f"grading ({label})", bench.samples * config.draws)
    with grading(grader.name, grader.needs) as context:
        for window in windows(bench, config.draws):
            judgements: Mapping[Place, Mapping[int, Completion]] = {}
            if label in bench.judges:
                judgements = store.judgements(number).find(*numbers(contestant, bench, store), *span(window))
            todo: list[tuple[Place, Answer]] = []
            items: list[GradeItem] = []
            for place, sample, privileged, replies, read in ungraded(config, contestant, bench, number, store, window):
                if isinstance(read, Grade):
                    # what the engine failed on was counted when it was asked
                    failed += not any(r.finish == "error" for r in replies)
                    store.put_grade(place, number, Answer(status="error"), read)
                elif read.status not in grader.judges:
                    store.put_grade(place, number, read, grader.zero(read.status))
                else:
                    alone = GradeItem(sample, read, context.open(privileged))
                    item = heard(bench, label, alone, judgements.get(place, {})) if label in bench.judges else alone
                    if isinstance(item, Grade):
                        failed += item.status == "error"
                        store.put_grade(place, number, read, item)
                    else:
                        todo.append((place, read))
                        items.append(item)
            for (place, answered), judgement in zip(todo, grader.read_all(items), strict=True):
                failed += judgement.status == "error"
                store.put_grade(place, number, answered, judgement)
                stretch.advance(1)
            stretch.advance(len(window) * config.draws - len(todo))
    store.flush()
    return failed


__all__ = ["grade"]
